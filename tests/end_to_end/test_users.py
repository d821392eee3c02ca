"""docs/security.md, "Users and roles": who is let in at a frontend with keys, and what each may do there."""
import json
import os
import resource
import socket
import stat
import threading
import time

import zmq

from support import Client, EndToEndTest, main, run, wait_for
from support.client import keys_in, request_frame, show_key


#: That stop half-way, at once.
HANDSHAKES = 10_000


#: Greeting, WELCOME and its head: what a server says before it knows who is there.
HANDSHAKE_ANSWER = 64 + 170


class Wire:
    """What lies between a client and a port: it carries what both say, keeps what the client did, and can do harm."""

    def __init__(self, port):
        host, _, number = port.rpartition(":")
        self._port = (host, int(number))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.said, self.answered, self.harm = b"", 0, None
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def say_again(self):
        """All that the client said, to the same port by another connection; returns how many bytes came back until its end."""
        with socket.create_connection(self._port, timeout=20) as again:
            got = 0
            try:
                again.sendall(self.said)
                while data := again.recv(65536):
                    got += len(data)
            except ConnectionError:
                pass  # That is an end as well.
            return got

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._port)
            for one, other, is_client in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._carry, args=(one, other, is_client), daemon=True).start()

    def _carry(self, one, other, is_client):
        try:
            while data := one.recv(65536):
                if is_client:
                    self.said += data
                    if self.harm == "twice":
                        data += data
                    elif self.harm == "changed":
                        data = data[:-1] + bytes([data[-1] ^ 1])
                    self.harm = None
                else:
                    self.answered += len(data)
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class WithKeys(EndToEndTest):
    """A cluster with keys, whose administrator is `self.admin`."""
    brokers = 1
    flags = ()

    def setUp(self):
        super().setUp()
        self.assertRan(run("trellis", "keys", "init", self.folder / "keys"), 0)
        self.key, self.admin = self.folder / "keys" / "cluster.key", self.folder / "keys" / "admin.user"
        self.cluster = self.start_cluster(workers=1, k=1, partitions=4, brokers=self.brokers,
                                          flags=("--cluster-key", self.key), user=self.admin)

    def trellis(self, *words, user=None, broker=0, **settings):
        return run("trellis", "-b", self.cluster.frontends[broker], "-u", user or self.admin, *words, **settings)

    def add_user(self, name, role):
        path = self.folder / f"{name}.user"
        self.assertRan(self.trellis("user", "add", name, "--role", role, "-o", path), 0, out=f"{path}\n")
        return path

    def client(self, user, **settings):
        client = Client(self.cluster.frontend, user=user, **settings)
        self.addCleanup(client.close)
        return client

    def assertDenied(self, reply, *words):
        self.assertEqual(reply.status, "PERMISSION_DENIED", reply)
        for word in words:
            self.assertIn(word, reply.message)


class Users(WithKeys):
    def test_a_user_is_added_with_a_file_of_its_own_and_may_do_what_its_role_says(self):
        ada = self.add_user("ada", "reader")
        self.assertEqual(stat.S_IMODE(ada.stat().st_mode), 0o600)
        self.assertEqual(keys_in(ada)["server"], keys_in(self.key)["public"])
        self.assertRan(self.trellis("put", "person1", "1"), 0)
        self.assertRan(self.trellis("get", "person1", user=ada), 0, out="person1 -> 1\n")
        denied = self.assertRan(self.trellis("put", "person1", "2", user=ada), 4)
        self.assertOneLine(denied.err, 'user ada may not PUT: role reader has no right to read and write "person1"')
        self.assertOneLine(self.assertRan(self.trellis("user", "list", user=ada), 4).err, "user ada may not USER_LIST")
        self.assertRan(self.trellis("user", "list"), 0, out="ada  reader\nadmin  admin\n")
        self.assertRan(self.trellis("user", "role", "ada", "writer"), 0)
        client = self.client(ada)
        wait_for(lambda: client.call("PUT", "person1", 2).status == "OK", "the new role", seconds=5)

    def test_adding_once_more_with_the_same_file_changes_nothing(self):
        ada = self.add_user("ada", "reader")
        before = ada.read_text()
        self.assertEqual(self.add_user("ada", "reader").read_text(), before)
        again = self.assertRan(self.trellis("user", "add", "ada", "--role", "writer", "-o", self.folder / "other.user"), 4)
        self.assertOneLine(again.err, "user ada is there already")
        self.assertFalse((self.folder / "other.user").exists(), "nobody has that key")

    def test_files_that_others_can_read_are_refused(self):
        ada = self.add_user("ada", "reader")
        ada.chmod(0o640)
        self.assertOneLine(self.assertRan(self.trellis("get", "a", user=ada), 1).err, "others can read it", "chmod 600")

    def test_a_client_without_a_key_is_told_what_is_asked_of_it(self):
        began = time.monotonic()
        ran = run("trellis", "-b", self.cluster.frontend, "get", "a")
        self.assertOneLine(self.assertRan(ran, 4).err, "asks for a user's key", "-u FILE")
        self.assertLess(time.monotonic() - began, 4.5, "it does not wait for its deadline")
        environment = {"TRELLIS_USER": str(self.admin)}
        self.assertRan(run("trellis", "-b", self.cluster.frontend, "get", "a", environment=environment), 1)
        self.assertRan(run("trellis", "keys", "init", self.folder / "others"), 0)
        ran = self.trellis("get", "a", "--timeout", "1000", user=self.folder / "others" / "admin.user")
        self.assertOneLine(self.assertRan(ran, 3).err, "ended each handshake: the user's file is one of another cluster")

    def test_roles_of_ones_own(self):
        self.assertRan(self.trellis("role", "set", "analysts", "--read", "reports:", "--read", "shared:", "--write", "shared:"), 0)
        ada = self.client(self.add_user("ada", "analysts"))
        with self.cluster.client() as admin:
            for key in ("reports:1", "reports:2", "shared:1", "secret:1"):
                self.assertOk(admin.call("PUT", key, 1))
        self.assertOk(ada.call("GET", "reports:1"), 1)
        self.assertOk(ada.call("PUT", "shared:1", 2))
        self.assertDenied(ada.call("PUT", "reports:1", 2), "user ada may not PUT", "analysts")
        self.assertDenied(ada.call("GET", "secret:1"), '"secret:1"')
        self.assertDenied(ada.call("STATUS"), '"read" the cluster')
        self.assertDenied(ada.call("COMPUTE", "x", {"x": ["secret:1"]}), "COMPUTE")
        keys = ada.call("KEYS")
        self.assertEqual((keys.result, keys.info), (["reports:1", "reports:2", "shared:1"], {"filtered": True}))
        self.assertEqual(ada.call("KEYS", "", 2).result, ["reports:1", "reports:2"])
        self.assertEqual(ada.call("KEYS", "", 2).info, {"filtered": True, "more": True})
        self.assertEqual(ada.call("KEYS", "", 2, "reports:2").info, {"filtered": True})
        self.assertEqual(ada.call("SCAN", "", 10, None, reverse=True).result, [["shared:1", 2], ["reports:2", 1], ["reports:1", 1]])
        self.assertEqual(ada.call("COUNT").result, 3)
        ran = self.assertRan(self.trellis("count", user=self.folder / "ada.user"), 0, out="3\n")
        self.assertOneLine(ran.err, "WARNING: only keys that this user may read are in the answer")
        whole = ada.call("COUNT", "reports:")
        self.assertEqual((whole.result, whole.info), (2, {}))
        self.assertDenied(ada.call("COUNT", "secret:"), "COUNT")
        batch = ada.call("BATCH", [["GET", ["reports:1"]], ["GET", ["secret:1"]], ["DELETE", ["reports:1"]], ["SET", ["shared:2", 5]]])
        self.assertEqual([item[0] for item in batch.result], ["OK", "PERMISSION_DENIED", "PERMISSION_DENIED", "OK"])
        self.assertDenied(ada.call("SETTINGS"), "SETTINGS")
        self.assertDenied(ada.call("MEMBER_REMOVE", "127.0.0.1:1"), "MEMBER_REMOVE")
        self.assertDenied(ada.call("PING", **{"as": "admin"}), "speak for others")
        listed = self.assertRan(self.trellis("role", "list"), 0).out
        self.assertIn('analysts  read "reports:", read and write "shared:"\n', listed)
        self.assertOneLine(self.assertRan(self.trellis("role", "remove", "analysts"), 4).err, "user ada has the role")

    def test_who_is_removed_is_cut_off(self):
        path = self.add_user("ada", "writer")
        ada, idle, silent = self.client(path), self.client(path), self.silent_client(path)
        self.assertOk(ada.call("PUT", "a", 1))
        self.assertOk(idle.call("PUT", "b", 1))
        monitors = [client.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED) for client in (ada, idle)]
        began = time.monotonic()
        self.assertRan(self.trellis("user", "remove", "ada"), 0)
        for monitor in (*monitors, silent):
            self.assertTrue(monitor.poll(5_000), "its connection goes on")
        self.assertLess(time.monotonic() - began, 3)
        ada.send("PUT", "a", 2)
        self.assertTrue(ada.is_silent(1))
        self.assertOneLine(self.assertRan(self.trellis("get", "a", user=path), 4).err, "does not know this user's key")
        with self.cluster.client() as admin:
            self.assertOk(admin.call("GET", "a"), 1)

    def test_others_that_come_while_a_user_is_removed_are_answered(self):
        """Whose a connection is shows with its first message, and that may be on its way by then."""
        has_enough = threading.Event()

        def come_and_go():
            with self.cluster.client() as admin:
                while not has_enough.is_set():
                    admin.call("USER_ADD", "ada", bytes(32), "reader")
                    admin.call("USER_REMOVE", "ada")
        thread = threading.Thread(target=come_and_go)
        thread.start()
        try:
            for _ in range(200):
                with self.cluster.client() as client:
                    self.assertEqual(client.call("PING", wait=5).result, "PONG")
        finally:
            has_enough.set()
            thread.join()

    def silent_client(self, path):
        """The events of one that is let in, and says nothing; the next one is its end."""
        dealer = zmq.Context.instance().socket(zmq.DEALER)
        dealer.linger = 0
        show_key(dealer, path)
        monitor = dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        self.addCleanup(lambda: (dealer.disable_monitor(), monitor.close(), dealer.close()))
        dealer.connect(f"tcp://{self.cluster.frontend}")
        self.assertTrue(monitor.poll(10_000))
        self.assertEqual(int.from_bytes(monitor.recv_multipart()[0][:2], "little"), zmq.EVENT_HANDSHAKE_SUCCEEDED)
        return monitor

    def test_the_last_administrator_stays_and_the_clusters_key_is_one(self):
        self.assertOneLine(self.assertRan(self.trellis("user", "remove", "admin"), 4).err, "nobody would be left")
        with Client(self.cluster.frontend, user=self.key) as member:
            self.assertOk(member.call("PUT", "a", 1))
            self.assertEqual([user["name"] for user in member.call("USER_LIST").result], ["admin"])
        self.assertRan(self.trellis("user", "list", user=self.key), 0, out="admin  admin\n")

    def test_users_and_roles_are_there_after_a_restart_of_all(self):
        ada = self.add_user("ada", "reader")
        self.cluster.kill_worker(0)
        self.cluster.kill_broker(0)
        self.cluster.start_broker()
        self.cluster.start_worker(0)
        self.cluster.wait_until_whole()
        self.assertRan(self.trellis("get", "a", user=ada), 1)
        self.assertRan(self.trellis("user", "list"), 0, out="ada  reader\nadmin  admin\n")

    def test_a_broker_that_knows_no_users_yet_lets_its_clients_try_again(self):
        self.cluster.kill_worker(0)
        self.cluster.kill_broker(0)
        self.cluster.start_broker()
        with self.cluster.client() as client:
            client.send("PING")
            self.assertTrue(client.is_silent(1.5), "nobody is let in")
            self.cluster.start_worker(0)
            self.assertEqual(client.receive(wait=20).result, "PONG")


class Brokers(WithKeys):
    brokers = 2

    def test_a_change_through_one_broker_holds_at_another_within_a_second(self):
        ada = self.client(self.add_user("ada", "reader"))
        self.assertRan(self.trellis("ping", user=self.folder / "ada.user", broker=1), 0)  # It tries again until it is let in.
        with Client(self.cluster.frontends[1], user=self.folder / "ada.user") as other:
            self.assertEqual(other.call("PING").result, "PONG")
            self.assertDenied(other.call("PUT", "a", 1))
            self.assertOk(self.cluster.client().call("USER_ROLE", "ada", "writer"), True)
            began = time.monotonic()
            wait_for(lambda: other.call("PUT", "a", 1).status == "OK", "the new role at the other broker", every=0.02)
            self.assertLess(time.monotonic() - began, 1)
            self.assertOk(ada.call("PUT", "a", 1))


class Outside(WithKeys):
    def test_a_users_key_opens_no_port_between_processes(self):
        for address in (self.cluster.backends[0], self.cluster.address_of(0)):
            dealer = zmq.Context.instance().socket(zmq.DEALER)
            dealer.linger = 0
            show_key(dealer, self.admin)
            monitor = dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
            dealer.connect(f"tcp://{address}")
            self.assertTrue(monitor.poll(10_000))
            event = int.from_bytes(monitor.recv_multipart()[0][:2], "little")
            dealer.disable_monitor()
            dealer.close()
            self.assertEqual(event, zmq.EVENT_HANDSHAKE_FAILED_AUTH, address)

    def test_what_one_asked_for_is_not_told_to_whoever_comes_under_its_routing_id(self):
        """The request is held up until another connection has the id: its reply goes to nobody."""
        other = self.add_user("ada", "reader")
        with self.cluster.client() as admin:
            self.assertOk(admin.call("PUT", "secret", "told to nobody else"))
        victim = self.client(self.admin, routing_id=b"chosen")
        self.assertEqual(victim.call("PING").result, "PONG")
        self.cluster.workers[0].pause()
        victim.send("GET", "secret", timeout_ms=20_000)
        self.assertTrue(victim.is_silent(0.1))
        victim.close()
        thief = self.client(other, routing_id=b"chosen")

        def has_its_place():
            thief.send("PING")
            return not thief.is_silent(0.05)
        wait_for(has_its_place, "the other to have the id", every=0.02)
        while not thief.is_silent(0.1):
            self.assertEqual(thief.receive().result, "PONG")
        self.cluster.workers[0].resume()
        while not thief.is_silent(3):
            self.assertNotIn("told to nobody else", str(thief.receive().result))

    def test_a_second_connection_under_a_live_routing_id_gets_nothing(self):
        other = self.add_user("ada", "reader")
        victim = self.client(self.admin, routing_id=b"chosen")
        self.assertEqual(victim.call("PING").result, "PONG")
        thief = self.client(other, routing_id=b"chosen")
        thief.send("PING")
        for number in range(20):
            self.assertOk(victim.call("PUT", "secret", number))
        self.assertTrue(thief.is_silent(0.3))

    def test_what_was_recorded_on_the_wire_is_worth_nothing_when_it_is_said_again(self):
        """Of a user at the frontend, and of members at both ports between processes."""
        with self.cluster.client() as admin:
            self.assertOk(admin.call("PUT", "counter", 0))
            for address, key in ((self.cluster.frontend, self.admin), (self.cluster.backends[0], self.key),
                                 (self.cluster.address_of(0), self.key)):
                wire = Wire(address)
                self.addCleanup(wire.close)
                recorded = Client(wire.address, user=key)
                request = request_frame(1, "PATCH", ["counter", [["increment", [], 1]]], {"timeout_ms": 5000})
                recorded.socket.send(request)
                if address == self.cluster.frontend:
                    recorded.receive_frames()
                wait_for(lambda: wire.answered > HANDSHAKE_ANSWER and len(wire.said) > 600, "the handshake and a message")
                recorded.close()
                self.assertLessEqual(wire.say_again(), HANDSHAKE_ANSWER, f"{address}: it came behind the handshake")
            self.assertOk(admin.call("GET", "counter"), 1)

    def test_a_frame_that_comes_twice_is_done_once_and_a_changed_one_never(self):
        for harm in ("twice", "changed"):
            wire = Wire(self.cluster.frontend)
            self.addCleanup(wire.close)
            client = Client(wire.address, user=self.admin)
            self.addCleanup(client.close)
            self.assertOk(client.call("PUT", harm, 0))
            carried, wire.harm = len(wire.said), harm
            client.send("PATCH", harm, [["increment", [], 1]])
            wait_for(lambda: len(wire.said) > carried, "the wire to carry it")
            if harm == "twice":
                self.assertEqual(client.receive().status, "OK")
            with self.cluster.client() as admin:
                for _ in range(50):  # Whatever is still to come of it comes before them.
                    self.assertOk(admin.call("PUT", "other", 1))
                self.assertOk(admin.call("GET", harm), 1 if harm == "twice" else 0)

    def test_handshakes_that_stop_half_way_end_after_their_time(self):
        host, port = self.cluster.frontend.split(":")
        greeting = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"CURVE".ljust(20, b"\0") + b"\0" + bytes(31)
        _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        half = []
        self.addCleanup(lambda: [connection.close() for connection in half])
        with self.cluster.client() as admin:
            self.assertOk(admin.call("PUT", "a", 1))
            for number in range(min(HANDSHAKES, files - 500)):
                connection = socket.create_connection((host, int(port)), timeout=30)
                half.append(connection)
                try:
                    connection.sendall((b"", greeting[:10], greeting)[number % 3])
                except OSError:
                    pass  # There was no room for it.
                if number % 1000 == 0:
                    self.assertOk(admin.call("PUT", "a", 1))  # Who is let in is served meanwhile, and so are others.
            self.assertRan(self.trellis("get", "a"), 0, out="a -> 1\n")
        ended = set()

        def all_ended():
            for number, connection in enumerate(half):
                connection.setblocking(False)
                try:
                    while data := connection.recv(4096):
                        del data
                    ended.add(number)
                except BlockingIOError:
                    pass
                except OSError:
                    ended.add(number)
            return len(ended) == len(half)
        wait_for(all_ended, "all of them to be ended", seconds=30, every=0.5)


class Audit(WithKeys):
    def test_refusals_and_administrators_commands_are_written_down(self):
        path = self.folder / "audit.jsonl"
        self.cluster.brokers[0].stop()
        self.cluster.start_broker(flags=("--audit", path))
        self.cluster.wait_until_whole()
        ada = self.client(self.add_user("ada", "reader"))
        self.assertDenied(ada.call("PUT", "k", 1))
        self.assertDenied(ada.call("SET", "k", 1))
        self.assertOk(ada.call("PING"), "PONG")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual([(line["user"], line["command"], line["status"]) for line in lines],
                         [("admin", "USER_ADD", "OK"), ("ada", "PUT", "PERMISSION_DENIED"), ("ada", "SET", "PERMISSION_DENIED")])
        self.assertEqual((lines[1]["key"], lines[1]["address"]), ("k", "127.0.0.1"))
        self.assertNotIn("key", lines[0])


if __name__ == "__main__":
    main()
