"""docs/security.md, "The cluster's key": who is let in between processes of a cluster, how keys are made and refused, and
how a cluster that runs gets one."""
import re
import stat

import zmq

from support import EndToEndTest, free_ports, main, run, wait_for

KEY_FILE = re.compile(r"^public = (\S{40})\nsecret = (\S{40})\n", re.MULTILINE)


class Keys(EndToEndTest):
    def make_key(self, name="keys"):
        folder = self.folder / name
        ran = self.assertRan(run("trellis", "keys", "init", folder), 0, out=f"{folder}/cluster.key\n{folder}/admin.user\n")
        self.assertOneLine(ran.err, f"--cluster-key {folder}/cluster.key")
        return folder / "cluster.key"

    def test_a_key_is_made_once_and_for_its_owner_alone(self):
        key = self.make_key()
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        public, secret = KEY_FILE.search(key.read_text()).groups()
        self.assertEqual(zmq.curve_public(secret.encode()).decode(), public)
        before = key.read_text()
        ran = self.assertRan(run("trellis", "keys", "init", key.parent), 4, out="")
        self.assertOneLine(ran.err, "is there already")
        self.assertEqual(key.read_text(), before)
        self.assertNotEqual(self.make_key("others").read_text(), before)

    def test_keys_that_begin_with_init_are_listed_in_quotes_and_a_forgotten_folder_is_told(self):
        cluster = self.start_cluster(workers=1, k=1)
        self.assertRan(run("trellis", "-b", cluster.frontend, "put", "initial", "1"), 0)
        self.assertRan(run("trellis", "-b", cluster.frontend, "--no-pager", "keys", '"init"'), 0, out="initial\n")
        forgotten = run("trellis", "keys", "init")
        self.assertEqual((forgotten.code, forgotten.out), (2, ""))
        self.assertIn("DIR is required", forgotten.err)

    def test_wrong_files_are_refused_with_what_is_wrong(self):
        key = self.make_key()
        text, other = key.read_text(), self.make_key("others").read_text()
        public, secret = KEY_FILE.search(text).groups()
        port, = free_ports(1)
        for wrong, words in (("", ("public = KEY", "trellis keys init")), ("nonsense\n", (":1: ", "public = KEY")),
                             (text.replace(public, public[:-1]), ("40 characters, and this 39",)), (text.replace("secret", "secert"), (":3: ",)),
                             (text.replace(secret, KEY_FILE.search(other).group(2)), ("no pair",)),
                             (f"secret = {secret}\n", ("public = KEY",))):
            key.write_text(wrong)
            for program in (("trellis-broker", "--frontend", f"127.0.0.1:{port}"), ("trellis-worker", "-p", port, "--data", f"{self.folder}/w")):
                with self.subTest(wrong=wrong, program=program[0]):
                    ran = self.assertRan(run(*program, "--cluster-key", key, seconds=10), 1, out="")
                    self.assertOneLine(ran.err, str(key), *words)
        key.write_text(text)
        key.chmod(0o640)
        self.assertOneLine(self.assertRan(run("trellis-broker", "--cluster-key", key, seconds=10), 1).err, "others can read it", "chmod 600")
        self.assertOneLine(self.assertRan(run("trellis-broker", "--cluster-key", self.folder / "none", seconds=10), 1).err, "cannot read")


class Gate(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.assertRan(run("trellis", "keys", "init", self.folder / "keys"), 0)
        self.key = self.folder / "keys" / "cluster.key"
        self.admin = self.folder / "keys" / "admin.user"

    def stranger(self, address, keys=None):
        """A DEALER there and the events of its handshakes: without a key, or with (server's public key, own pair)."""
        context = zmq.Context.instance()
        dealer = context.socket(zmq.DEALER)
        dealer.linger = 0
        if keys is not None:
            server, (public, secret) = keys
            dealer.curve_serverkey, dealer.curve_publickey, dealer.curve_secretkey = server, public, secret
        monitor = dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
                                            | zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_DISCONNECTED)
        self.addCleanup(lambda: (dealer.disable_monitor(), monitor.close(), dealer.close()))
        dealer.connect(f"tcp://{address}")
        return monitor

    def assertRefused(self, monitor):
        self.assertTrue(monitor.poll(10_000), "nothing came of the handshake")
        event = int.from_bytes(monitor.recv_multipart()[0][:2], "little")
        self.assertNotEqual(event, zmq.EVENT_HANDSHAKE_SUCCEEDED)

    def test_whoever_has_no_key_or_another_one_ends_at_the_handshake(self):
        cluster = self.start_cluster(workers=3, k=2, flags=("--cluster-key", self.key), user=self.admin)
        with cluster.client() as client:
            self.assertOk(client.call("PUT", "a", 1))
        server = KEY_FILE.search(self.key.read_text()).group(1).encode()
        own, theirs = zmq.curve_keypair(), zmq.curve_keypair()
        for address in (cluster.frontend, cluster.backends[0], cluster.address_of(0)):
            self.assertRefused(self.stranger(address))
            self.assertRefused(self.stranger(address, (server, own)))
            self.assertRefused(self.stranger(address, (theirs[0], own)))
        wait_for(lambda: "has another key than this cluster's" in cluster.brokers[0].output(), "a line of the broker's")
        wait_for(lambda: "shows no key where one is asked for" in cluster.workers[0].output(), "a line of the worker's")
        with cluster.client() as client:
            self.assertOk(client.call("GET", "a"), 1)

    def test_what_up_starts_has_the_key_that_the_environment_names(self):
        ports = free_ports(4)
        frontend, backend, listen = (f"127.0.0.1:{port}" for port in ports[:3])
        folder = self.folder / "cluster"
        up = run("trellis", "up", "--detach", "--data", folder, "--servers", self.file("servers", f"127.0.0.1 {ports[3]}\n"), "-k", 1,
                 "-b", frontend, "--backend", backend, "--listen", listen, environment={"TRELLIS_CLUSTER_KEY": str(self.key), "TRELLIS_USER": str(self.admin)})
        self.addCleanup(lambda: run("trellis", "down", "--data", folder))
        self.assertRan(up, 0)
        self.assertRan(run("trellis", "-b", frontend, "-u", self.admin, "put", "a", "1"), 0)
        for address in (backend, f"127.0.0.1:{ports[3]}"):
            self.assertRefused(self.stranger(address))

    def test_a_worker_without_the_key_is_no_member_and_says_what_may_be_wrong(self):
        cluster = self.start_cluster(workers=2, k=1, flags=("--cluster-key", self.key), user=self.admin)
        cluster.kill_worker(1)
        cluster.flags = ()
        worker = cluster.start_worker(1)
        worker.wait_for_output("the same --cluster-key?")
        cluster.wait_for_state(1, "down")

    def test_a_cluster_that_runs_gets_its_key_one_process_after_the_other(self):
        """Between those that have it and those that do not nothing is said; all are together again once all have it."""
        cluster = self.start_cluster(workers=3, k=2)
        with cluster.client() as client:
            self.assertOk(client.call("PUT", "a", 1))
        cluster.flags = ("--cluster-key", self.key)
        for number in range(3):
            cluster.workers[number].stop()
            cluster.start_worker(number)
        wait_for(lambda: "was spoken to by what speaks no ZeroMQ" in cluster.brokers[0].output(), "a line of the broker's")
        cluster.brokers[0].stop()
        cluster.start_broker()
        cluster.user = self.admin
        cluster.wait_until_whole()
        with cluster.client() as client:
            self.assertOk(client.call("GET", "a"), 1)


if __name__ == "__main__":
    main()
