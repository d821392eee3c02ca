"""docs/commands.md, section Programs: flags, settings, signals, ports, data folders, and who is refused."""
import pathlib
import shutil
import signal
import socket

from support import EndToEndTest, Process, free_ports, main, run, wait_for
from support.processes import clean_environment

PROGRAMS = ("trellis-broker", "trellis-worker", "trellis")


def listening_addresses(pid):
    """`host:port` of every TCP socket that the process listens on."""
    inodes = set()
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = set()
    for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        words = line.split()
        if words[3] == "0A" and words[9] in inodes:
            address, port = words[1].split(":")
            found.add(f"{socket.inet_ntoa(bytes.fromhex(address)[::-1])}:{int(port, 16)}")
    return found


class Flags(EndToEndTest):
    def test_help_and_version(self):
        for program in PROGRAMS:
            help_ = self.assertRan(run(program, "--help"), 0, err="").out
            self.assertIn("--version", help_)
            self.assertRegex(self.assertRan(run(program, "--version"), 0, err="").out, r"\d+\.\d+")
        for flag in ("--frontend", "--backend", "-s", "-k", "--partitions", "7400", "7401"):
            self.assertIn(flag, run("trellis-broker", "--help").out)
        for flag in ("-a", "-p", "-b", "--data", "7410"):
            self.assertIn(flag, run("trellis-worker", "--help").out)

    def test_bad_flags(self):
        for program, *flags in (
                ("trellis-broker", "--no-such-flag"), ("trellis-broker", "--partitions", "12"), ("trellis-broker", "--partitions", "0"),
                ("trellis-broker", "--partitions", "2048"), ("trellis-broker", "--partitions", "many"), ("trellis-broker", "-k", "0"),
                ("trellis-broker", "-k", "-1"), ("trellis-broker", "-k", "x"), ("trellis-broker", "--frontend", "nonsense"),
                ("trellis-broker", "--frontend", "127.0.0.1:99999"), ("trellis-broker", "--backend"), ("trellis-broker", "word"),
                ("trellis-worker", "--no-such-flag"), ("trellis-worker", "-p", "0"), ("trellis-worker", "-p", "70000"),
                ("trellis-worker", "-p", "x"), ("trellis-worker", "-b", "no-port"), ("trellis-worker", "word"),
                ("trellis", "--no-such-flag"), ("trellis", "--timeout", "0"), ("trellis", "--timeout", "x"), ("trellis", "-b", "no-port")):
            with self.subTest(program=program, flags=flags):
                ran = self.assertRan(run(program, *flags, cwd=self.folder, seconds=10), 2, "")
                self.assertOneLine(ran.err)

    def test_server_files(self):
        ports = free_ports(2)
        for text, line, word in (("127.0.0.1 7410\nnonsense\n", 2, "word"), ("127.0.0.1 7410\n\n# a comment\n127.0.0.1 7410\n", 4, "7410"),
                                 ("127.0.0.1 0\n", 1, "0"), ("127.0.0.1 70000\n", 1, "70000"), ("127.0.0.1 x\n", 1, "x"),
                                 ("127.0.0.1\n", 1, "word"), ("127.0.0.1 7410 7411\n", 1, ""), ("", "", "")):
            with self.subTest(text=text):
                file = self.file("servers.txt", text)
                ran = run("trellis-broker", "--frontend", f"127.0.0.1:{ports[0]}", "--backend", f"127.0.0.1:{ports[1]}", "-s", file, "-k", 1,
                          seconds=10)
                self.assertIn(ran.code, (1, 2))
                self.assertOneLine(ran.err, f"{file}:{line}" if line else file, word)
        ran = run("trellis-broker", "-s", self.folder / "none.txt", seconds=10)
        self.assertIn(ran.code, (1, 2))
        self.assertOneLine(ran.err, "none.txt")

    def test_comments_and_blank_lines_in_a_server_file(self):
        ports = free_ports(3)
        file = self.file("servers.txt", f"# the workers\n\n  127.0.0.1   {ports[0]}  \n\t\n")
        broker = Process("trellis-broker", "--frontend", f"127.0.0.1:{ports[1]}", "--backend", f"tcp://127.0.0.1:{ports[2]}", "-s", file, "-k", 1,
                         log=self.folder / "broker.log")
        worker = Process("trellis-worker", "-p", ports[0], "-b", f"127.0.0.1:{ports[2]}", "--data", self.folder / "data",
                         log=self.folder / "worker.log")
        self.addCleanup(broker.kill)
        self.addCleanup(worker.kill)
        wait_for(lambda: run("trellis", "-b", f"127.0.0.1:{ports[1]}", "set", "k", "1").code == 0, "the cluster", every=0.2)

    def test_k_above_the_number_of_workers(self):
        file = self.file("servers.txt", "127.0.0.1 7410\n127.0.0.1 7411\n")
        ran = run("trellis-broker", "-s", file, "-k", 3, seconds=10)
        self.assertIn(ran.code, (1, 2))
        self.assertOneLine(ran.err, "3", "2")


class Settings(EndToEndTest):
    def frontend_of(self, *flags, environment=None):
        """The port of a broker's clients, of those that are listened on, when it is started like this."""
        self.number = getattr(self, "number", 0) + 1
        backend = free_ports(1)[0]
        broker = Process("trellis-broker", "--backend", f"127.0.0.1:{backend}", *flags, log=self.folder / f"broker-{self.number}.log",
                         environment=clean_environment(**(environment or {})), cwd=self.folder)
        try:
            found = wait_for(lambda: len(listening_addresses(broker.pid)) == 2 and listening_addresses(broker.pid), "two sockets")
        finally:
            broker.kill()
        return int((found - {f"127.0.0.1:{backend}"}).pop().rpartition(":")[2])

    def test_flag_then_environment_then_file(self):
        flag, variable, file = free_ports(3)
        config = self.file("trellis.conf", f'frontend = "tcp://127.0.0.1:{file}"\n')
        environment = {"TRELLIS_FRONTEND": f"tcp://127.0.0.1:{variable}"}
        self.assertEqual(self.frontend_of("--config", config), file)
        self.assertEqual(self.frontend_of("--config", config, environment=environment), variable)
        self.assertEqual(self.frontend_of("--config", config, "--frontend", f"127.0.0.1:{flag}", environment=environment), flag)
        self.assertEqual(self.frontend_of(environment=environment), variable)

    def test_wrong_settings_say_where_they_stand(self):
        ran = self.assertRan(run("trellis-broker", environment={"TRELLIS_PARTITIONS": "12"}, seconds=10), 2)
        self.assertOneLine(ran.err, "12")
        config = self.file("trellis.conf", "no_such_setting = 1\n")
        ran = run("trellis-broker", "--config", config, seconds=10)
        self.assertIn(ran.code, (1, 2))
        self.assertOneLine(ran.err, "no_such_setting")
        ran = run("trellis-broker", "--config", self.folder / "none.conf", seconds=10)
        self.assertIn(ran.code, (1, 2))
        self.assertOneLine(ran.err, "none.conf")

    def test_the_client_takes_settings_from_the_environment(self):
        cluster = self.start_cluster(workers=1, k=1)
        self.assertOk(self.client_of(cluster).call("PUT", "k", {"a": 1}))
        self.assertRan(run("trellis", "-b", cluster.frontend, "get", "k", environment={"TRELLIS_JSON": "true"}), 0, err="")
        self.assertEqual(run("trellis", "-b", cluster.frontend, "get", "k", environment={"TRELLIS_JSON": "true"}).out.replace(" ", ""),
                         '{"a":1}\n')


class Signals(EndToEndTest):
    def test_sigterm_and_sigint_end_cleanly(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            cluster = self.start_cluster(workers=3, k=2)
            for process in (*cluster.workers, *cluster.brokers):
                process.signal(number)
            for process in (*cluster.workers, *cluster.brokers):
                self.assertEqual(process.wait(), 0, process.tail())

    def test_a_broker_and_a_worker_that_wait_for_each_other_end_too(self):
        ports = free_ports(4)
        broker = Process("trellis-broker", "--frontend", f"127.0.0.1:{ports[0]}", "--backend", f"127.0.0.1:{ports[1]}", log=self.folder / "b.log")
        worker = Process("trellis-worker", "-p", ports[2], "-b", f"127.0.0.1:{ports[3]}", "--data", self.folder / "data", log=self.folder / "w.log")
        wait_for(lambda: listening_addresses(broker.pid) and listening_addresses(worker.pid), "both to run")
        self.assertEqual(broker.stop(), 0, broker.tail())
        self.assertEqual(worker.stop(), 0, worker.tail())


class Network(EndToEndTest):
    def test_everything_binds_to_loopback(self):
        cluster = self.start_cluster(workers=3, k=2)
        for process in (*cluster.workers, *cluster.brokers):
            addresses = listening_addresses(process.pid)
            self.assertTrue(addresses)
            for address in addresses:
                self.assertTrue(address.startswith("127.0.0.1:"), f"{process.name} listens on {address}")

    def test_a_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            free = free_ports(1)[0]
            for program, *flags in (("trellis-broker", "--frontend", f"127.0.0.1:{port}", "--backend", f"127.0.0.1:{free}"),
                                    ("trellis-broker", "--frontend", f"127.0.0.1:{free}", "--backend", f"127.0.0.1:{port}"),
                                    ("trellis-worker", "-p", port, "-b", f"127.0.0.1:{free}", "--data", self.folder / "data")):
                with self.subTest(program=program, flags=flags):
                    ran = self.assertRan(run(program, *flags, seconds=15), 1)
                    self.assertOneLine(ran.err, port)


class Folders(EndToEndTest):
    def worker_that_ends(self, data, port=None):
        ports = free_ports(2)
        return run("trellis-worker", "-p", port or ports[0], "-b", f"127.0.0.1:{ports[1]}", "--data", data, seconds=15)

    def test_the_default_is_named_by_the_port(self):
        ports = free_ports(2)
        worker = Process("trellis-worker", "-p", ports[0], "-b", f"127.0.0.1:{ports[1]}", log=self.folder / "w.log", cwd=self.folder)
        self.addCleanup(worker.kill)
        wait_for(lambda: (self.folder / f"trellis-worker-{ports[0]}").is_dir(), "the folder")

    def test_one_that_cannot_be_written(self):
        file = self.file("a-file", "not a folder")
        for data in (file, file / "below", "/proc/trellis"):
            ran = self.assertRan(self.worker_that_ends(data), 1)
            self.assertOneLine(ran.err, data)
        self.assertEqual(file.read_text(), "not a folder")

    def test_one_that_another_worker_uses(self):
        cluster = self.start_cluster(workers=1, k=1)
        ran = self.assertRan(self.worker_that_ends(cluster.data_of(0)), 1)
        self.assertOneLine(ran.err, cluster.data_of(0))
        self.assertOk(self.client_of(cluster).call("PUT", "k", 1), True)

    def test_one_that_holds_something_else(self):
        folder = self.folder / "photos"
        folder.mkdir()
        (folder / "holiday.jpg").write_bytes(b"a picture")
        ran = self.assertRan(self.worker_that_ends(folder), 1)
        self.assertOneLine(ran.err, folder)
        self.assertEqual([path.name for path in folder.iterdir()], ["holiday.jpg"])


class Refused(EndToEndTest):
    """Workers that must not take part: the worker says why and ends with 1, the broker logs it, the cluster goes on."""

    def assertRefused(self, cluster, worker, *words):
        self.assertEqual(worker.wait(20), 1, worker.tail())
        last = worker.output().strip().splitlines()[-1]
        for word in words:
            self.assertIn(word, worker.output())
        self.assertTrue(last)
        wait_for(lambda: any("refus" in line.lower() for line in cluster.brokers[0].output().splitlines()), "the broker to log it")
        for word in words:
            self.assertIn(word, cluster.brokers[0].output())

    def test_a_folder_of_another_cluster(self):
        one = self.start_cluster(workers=1, k=1)
        other = self.start_cluster(workers=3, k=2)
        clusters = [one.status()["cluster"], other.status()["cluster"]]
        client = self.client_of(other)
        self.assertOk(client.call("PUT", "k", 1))
        other.kill_worker(2)
        one.kill_worker(0)
        shutil.rmtree(other.data_of(2))
        shutil.copytree(one.data_of(0), other.data_of(2))
        self.assertRefused(other, other.start_worker(2), *clusters)
        self.assertOk(client.call("PUT", "k", 2), False)
        one.start_worker(0)
        one.wait_until_whole()

    def test_a_wiped_folder(self):
        cluster = self.start_cluster(workers=3, k=2)
        client = self.client_of(cluster)
        self.assertOk(client.call("PUT", "k", 1))
        cluster.kill_worker(1)
        kept = self.folder / "kept"
        cluster.data_of(1).rename(kept)
        self.assertRefused(cluster, cluster.start_worker(1), cluster.status()["cluster"], cluster.address_of(1))
        self.assertOk(client.call("PUT", "k", 2), False)
        shutil.rmtree(cluster.data_of(1), ignore_errors=True)
        kept.rename(cluster.data_of(1))
        cluster.start_worker(1)
        cluster.wait_until_whole()
        self.assertOk(client.call("GET", "k"), 2)

    def test_an_address_that_another_worker_holds(self):
        cluster = self.start_cluster(workers=3, k=2)
        cluster.kill_worker(0)
        cluster.kill_worker(1)
        shutil.rmtree(cluster.data_of(0))
        shutil.copytree(cluster.data_of(1), cluster.data_of(0))
        self.assertRefused(cluster, cluster.start_worker(0), cluster.address_of(0))
        cluster.start_worker(1)
        cluster.wait_for_state(1, "up")
        self.assertOk(self.client_of(cluster).call("PUT", "k", 1, timeout_ms=15_000), True)

    def test_a_worker_that_is_not_listed(self):
        cluster = self.start_cluster(workers=3, k=2)
        port = free_ports(1)[0]
        worker = Process("trellis-worker", "-p", port, "-b", cluster.backends[0], "--data", self.folder / "stranger",
                         log=self.folder / "stranger.log")
        self.addCleanup(worker.kill)
        wait_for(lambda: f"127.0.0.1:{port}" in cluster.brokers[0].output() and f"127.0.0.1:{port}" in worker.output(),
                 "both to say that it is not one of the cluster's workers")
        self.assertEqual(cluster.status()["workers"], 3)


if __name__ == "__main__":
    main()
