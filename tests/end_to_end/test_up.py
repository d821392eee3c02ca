"""docs/commands.md, section `trellis up`: one command from nothing to a shell on a loaded cluster, and `down`."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import urllib.request

from support import EndToEndTest, Process, PROGRAMS, free_ports, main, run, wait_for
from support.processes import clean_environment, die_with_parent, is_listening

PERSONS = '"person1" -> [ "name" -> "John" | "age" -> 22 ]\n"person2" -> [ "name" -> "Mary" ]\n'
JOHN = 'person1 -> [ name -> "John" | age -> 22 ]\n'


class UpTest(EndToEndTest):
    bound = 180

    def setUp(self):
        super().setUp()
        *self.ports, self.frontend, self.backend = free_ports(5)
        self.servers = self.file("servers.txt", "".join(f"127.0.0.1 {port}\n" for port in self.ports))
        self.persons = self.file("persons.txt", PERSONS)
        self.data = self.folder / "data"

    @property
    def endpoints(self):
        return ["--frontend", f"127.0.0.1:{self.frontend}", "--backend", f"127.0.0.1:{self.backend}"]

    def up(self, *flags, stdin="", k=2, servers=None, seconds=90):
        if "--detach" in flags:  # Also where the test fails before it would stop it.
            self.addCleanup(self.down)
        return run("trellis", "up", *self.endpoints, "-s", servers or self.servers, "-k", k, "--data", self.data, *flags,
                   stdin=stdin, seconds=seconds, cwd=self.folder)

    def down(self, *flags):
        return run("trellis", "down", "--data", self.data, *flags, cwd=self.folder)

    def get(self, *words):
        return run("trellis", "-b", f"127.0.0.1:{self.frontend}", "--timeout", "3000", *words)

    def running(self):
        """Ids of the brokers and workers of this test that run."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            mine = any(str(port).encode() in word for word in words for port in (*self.ports, self.backend))
            if mine and pathlib.Path(os.fsdecode(words[0])).name in ("trellis-broker", "trellis-worker"):
                found.append(int(entry.name))
        return found

    def assertNothingRuns(self):
        wait_for(lambda: not self.running(), "everything to be stopped")

    def tearDown(self):
        for pid in self.running():
            os.kill(pid, signal.SIGKILL)


class Up(UpTest):
    def test_only_answers_go_to_standard_output(self):
        self.assertRan(self.up("-i", self.persons, stdin="GET person1"), 0, JOHN)
        self.assertNothingRuns()

    def test_a_second_up_comes_back_with_the_documents_of_the_first(self):
        self.assertRan(self.up("-i", self.persons, stdin="GET person1\nDELETE person2\nSET person3 3"), 0, JOHN + "OK\nOK\n")
        ran = self.assertRan(self.up("-i", self.persons, stdin="GET person1\nGET person2\nGET person3"), 1,
                             JOHN + "NOT FOUND\nperson3 -> 3\n")
        self.assertRegex(ran.err.lower(), "not loaded|already|again", "it says that it does not load the file again")
        self.assertNothingRuns()

    def test_without_data(self):
        self.assertRan(self.up(stdin="COUNT\nSTATUS"), 0)

    def test_exit_stops_what_it_started(self):
        self.assertRan(self.up(stdin="PING\nEXIT\nPING"), 0, "PONG\n")
        self.assertNothingRuns()
        for port in (*self.ports, self.frontend, self.backend):
            self.assertFalse(is_listening(port))

    def test_a_signal_stops_what_it_started(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            up = subprocess.Popen([PROGRAMS / "trellis", "up", *self.endpoints, "-s", self.servers, "--data", self.data], stdin=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder, env=clean_environment(),
                                  start_new_session=True, preexec_fn=die_with_parent)
            wait_for(lambda: self.get("ping").code == 0 and len(self.running()) == 4, "the cluster", 40, every=0.2)
            up.send_signal(number)
            self.assertEqual(up.wait(30), 0)
            up.stdin.close()
            self.assertNothingRuns()

    def test_output_of_the_processes_goes_to_log_files(self):
        self.assertRan(self.up(stdin="PING"), 0, "PONG\n")
        logs = [path.name for path in self.data.rglob("*.log")]
        self.assertGreaterEqual(len(logs), 4, logs)

    def test_fewer_than_2k_minus_1_workers_start_and_it_says_what_that_means(self):
        servers = self.file("two.txt", "".join(f"127.0.0.1 {port}\n" for port in self.ports[:2]))
        ran = self.assertRan(self.up(servers=servers, stdin="PING"), 0, "PONG\n")
        self.assertTrue(any(re.search(r"\b(0|no|none)\b", line) and "down" in line for line in ran.err.splitlines()), ran.err)

    def test_wrong_data_is_reported_and_the_shell_opens(self):
        wrong = self.file("wrong.txt", PERSONS + "person3 -> [ age -> \n")
        ran = self.up("-i", wrong, stdin="GET person1")
        self.assertEqual(ran.out, JOHN, ran)
        self.assertIn(f"{wrong}:3:", ran.err)

    def test_workers_that_were_started_by_hand_are_used_as_they_are(self):
        worker = Process("trellis-worker", "-a", "127.0.0.1", "-p", self.ports[0], "-b", f"127.0.0.1:{self.backend}", "--data",
                         self.folder / "by-hand", log=self.folder / "by-hand.log")
        self.addCleanup(worker.kill)
        wait_for(lambda: is_listening(self.ports[0]), "the worker")
        self.assertRan(self.up("-i", self.persons, stdin="GET person1"), 0, JOHN)
        self.assertTrue(worker.is_running, "what it did not start, it does not stop")
        self.assertEqual(worker.stop(), 0)

    def test_workers_that_are_started_by_hand_at_the_same_moment_are_used_too(self):
        """Whoever is first at a port has it."""
        for port in self.ports:
            worker = Process("trellis-worker", "-a", "127.0.0.1", "-p", port, "-b", f"127.0.0.1:{self.backend}", "--data",
                             self.folder / f"by-hand-{port}", log=self.folder / f"by-hand-{port}.log")
            self.addCleanup(worker.kill)
        self.assertRan(self.up("-i", self.persons, stdin="GET person1"), 0, JOHN)

    def test_for_lines_of_other_machines_it_waits_and_prints_the_command(self):
        elsewhere = self.file("elsewhere.txt", self.servers.read_text() + "192.0.2.7 9001\n")
        with open(self.folder / "stderr", "wb") as shown:
            up = subprocess.Popen([PROGRAMS / "trellis", "up", *self.endpoints, "-s", elsewhere, "--data", self.data], stdin=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL, stderr=shown, cwd=self.folder, env=clean_environment(),
                                  start_new_session=True, preexec_fn=die_with_parent)
        self.addCleanup(up.stdin.close)
        self.addCleanup(up.kill)
        wait_for(lambda: "trellis-worker -a 192.0.2.7 -p 9001" in (self.folder / "stderr").read_text(), "the command")
        self.assertIsNone(up.poll(), "it waits")
        up.terminate()
        up.wait(30)
        self.assertNothingRuns()


    def test_these_workers_get_the_data_also_where_the_folder_had_it_loaded_into_others(self):
        self.assertRan(self.up("-i", self.persons, stdin="GET person1"), 0, JOHN)
        for port in self.ports:
            worker = Process("trellis-worker", "-a", "127.0.0.1", "-p", port, "-b", f"127.0.0.1:{self.backend}", "--data",
                             self.folder / f"by-hand-{port}", log=self.folder / f"by-hand-{port}.log")
            self.addCleanup(worker.kill)
            wait_for(lambda port=port: is_listening(port), "the worker")
        self.assertRan(self.up("-i", self.persons, stdin="GET person1\nDELETE person2"), 0, JOHN + "OK\n")
        ran = self.assertRan(self.up("-i", self.persons, stdin="GET person2"), 1, "NOT FOUND\n")
        self.assertIn("not loading", ran.err)

    def test_the_folders_own_cluster_is_not_loaded_into_again_after_workers_by_hand(self):
        self.assertRan(self.up("-i", self.persons, stdin="SET person1.age 99"), 0, "OK\n")
        by_hand = [Process("trellis-worker", "-a", "127.0.0.1", "-p", port, "-b", f"127.0.0.1:{self.backend}", "--data",
                           self.folder / f"by-hand-{port}", log=self.folder / f"by-hand-{port}.log") for port in self.ports]
        for worker, port in zip(by_hand, self.ports):
            self.addCleanup(worker.kill)
            wait_for(lambda port=port: is_listening(port), "the worker")
        self.assertRan(self.up("-i", self.persons, stdin="GET person1"), 0, JOHN)
        for worker in by_hand:
            worker.stop()
        ran = self.assertRan(self.up("-i", self.persons, stdin="QUERY person1.age"), 0, "person1.age -> 99\n")
        self.assertIn("not loading", ran.err)


class Keeping(UpTest):
    def worker_at(self, port):
        """The id of the worker of this port that runs, if one does."""
        words = [b"-p", str(port).encode()]
        return next((pid for pid in self.running() if words[1] in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                     and b"worker" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()), None)

    def open_up(self):
        """An `up` whose shell is open; what it tells is in self.shown."""
        self.shown = self.folder / "stderr"
        with open(self.shown, "wb") as err:
            up = subprocess.Popen([PROGRAMS / "trellis", "up", *self.endpoints, "-s", self.servers, "--data", self.data], stdin=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL, stderr=err, cwd=self.folder, env=clean_environment(),
                                  start_new_session=True, preexec_fn=die_with_parent)
        self.addCleanup(up.kill)
        self.addCleanup(up.stdin.close)
        wait_for(lambda: "ready after" in self.shown.read_text(), "the cluster", 60, every=0.2)
        return up

    def assertEnds(self, up):
        up.stdin.close()
        self.assertEqual(up.wait(30), 0)
        self.assertNothingRuns()

    def test_what_has_ended_is_started_again_while_the_shell_is_open(self):
        up = self.open_up()
        before = self.worker_at(self.ports[1])
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: self.worker_at(self.ports[1]) not in (None, before), "another worker", 30, every=0.2)
        self.assertRegex(self.shown.read_text(), rf"the worker 127.0.0.1:{self.ports[1]} has ended.*started again")
        self.assertEnds(up)

    def test_a_second_up_repairs(self):
        self.assertRan(self.up("-i", self.persons, "--detach"), 0, "")
        for victim in (self.worker_at(self.ports[2]), next(pid for pid in self.running() if pid not in map(self.worker_at, self.ports))):
            os.kill(victim, signal.SIGKILL)
            wait_for(lambda victim=victim: victim not in self.running(), "it to end")
            self.assertRegex(self.assertRan(self.up(stdin="GET person1"), 0, JOHN).err, r"started the (worker|broker).*, which had ended\n")
            self.assertEqual(len(self.running()), 4)
        self.assertRan(self.down(), 0, "")
        self.assertNothingRuns()

    def test_a_cluster_grows_while_it_runs_and_what_was_removed_stays_away(self):
        self.assertRan(self.up("-i", self.persons, "--detach"), 0, "")
        port = free_ports(1)[0]
        longer = self.file("longer.txt", self.servers.read_text() + f"127.0.0.1 {port}\n")
        ran = self.assertRan(self.up(servers=longer, stdin="GET person1"), 0, JOHN)
        address = f"127.0.0.1:{port}"
        self.assertIn(f"started the worker {address}, which is new and joins the cluster\n", ran.err)
        self.assertNotIn("which had ended", ran.err)
        self.assertIn(address, self.get("members").out)
        self.assertRan(self.get("member", "remove", address), 0, "OK\n")
        wait_for(lambda: not is_listening(port), "the worker to end")
        self.assertRan(self.up(stdin="GET person1"), 0, JOHN)
        self.assertNotIn(address, self.get("members").out)
        self.assertFalse(is_listening(port))
        self.assertRan(self.down(), 0, "")
        self.assertNothingRuns()

    def test_a_new_worker_that_ended_before_it_had_joined_joins_at_the_next_up(self):
        self.assertRan(self.up("--detach"), 0, "")
        port, = free_ports(1)
        longer = self.file("longer.txt", self.servers.read_text() + f"127.0.0.1 {port}\n")
        self.ports.append(port)
        broker = next(pid for pid in self.running() if pid not in map(self.worker_at, self.ports))
        os.kill(broker, signal.SIGSTOP)  # So that nobody takes it in.
        growing = subprocess.Popen([PROGRAMS / "trellis", "up", *self.endpoints, "-s", longer, "--data", self.data], cwd=self.folder,
                                   stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment(), preexec_fn=die_with_parent)
        new = wait_for(lambda: self.worker_at(port), "the new worker", 30)
        growing.kill()
        growing.wait()
        os.kill(new, signal.SIGKILL)
        wait_for(lambda: new not in self.running(), "it to end")
        os.kill(broker, signal.SIGCONT)
        ran = self.assertRan(self.up(servers=longer, stdin="PING"), 0, "PONG\n")
        self.assertNotIn("refused", ran.err)
        wait_for(lambda: f"127.0.0.1:{port}" in self.get("members").out, "it to be a member")
        self.assertRan(self.down(), 0, "")
        self.assertNothingRuns()

    def test_a_worker_that_is_refused_is_told_with_the_reason(self):
        self.assertRan(self.up("-i", self.persons, stdin="GET person1"), 0, JOHN)
        shutil.rmtree(self.data / f"worker-127.0.0.1-{self.ports[0]}")
        up = self.open_up()
        told = rf"WARNING: the worker 127.0.0.1:{self.ports[0]} was refused: .*{self.ports[0]}.*--join"
        wait_for(lambda: re.search(told, self.shown.read_text()), "the reason", 30, every=0.2)
        self.assertNotIn("started again", self.shown.read_text())
        self.assertEnds(up)

    def test_a_second_up_tells_so_too_and_does_not_take_the_worker_for_the_one_before(self):
        self.assertRan(self.up("--detach"), 0, "")
        victim = self.worker_at(self.ports[0])
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: victim not in self.running(), "it to end")
        shutil.rmtree(self.data / f"worker-127.0.0.1-{self.ports[0]}")
        ran = self.assertRan(self.up(stdin="PING"), 0, "PONG\n")
        self.assertRegex(ran.err, rf"WARNING: the worker 127.0.0.1:{self.ports[0]} was refused: .*--join")
        self.assertRan(self.down(), 0, "")

    def test_it_gives_up_where_too_many_are_refused(self):
        """One worker by hand is of another cluster, to which the others are strangers, and they go on running."""
        self.assertRan(self.up(stdin="PING"), 0, "PONG\n")
        worker = Process("trellis-worker", "-a", "127.0.0.1", "-p", self.ports[0], "-b", f"127.0.0.1:{self.backend}", "--data",
                         self.data / f"worker-127.0.0.1-{self.ports[0]}", log=self.folder / "by-hand.log")
        self.addCleanup(worker.kill)
        wait_for(lambda: is_listening(self.ports[0]), "the worker")
        self.data = self.folder / "other"
        ran = self.up(stdin="PING")
        self.assertEqual((ran.code, ran.out), (1, ""), ran)
        missing = " and ".join(sorted(f"127.0.0.1:{port}" for port in self.ports[1:3]))
        self.assertIn(f"without {missing} not all partitions can serve", ran.err)

    def test_metrics_are_served_from_the_port_on_that_is_named(self):
        first = next(port for port in free_ports(50) if all(not is_listening(port + number) for number in range(4)))
        self.assertRan(self.up("--detach", "--metrics", first), 0, "")
        for number in range(4):
            with urllib.request.urlopen(f"http://127.0.0.1:{first + number}/metrics", timeout=10) as response:
                self.assertIn(b"trellis_broker" if number == 0 else b"trellis_worker", response.read())
        victim = self.worker_at(self.ports[0])
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: victim not in self.running(), "it to end")
        self.assertRan(self.up(stdin="PING"), 0, "PONG\n")
        wait_for(lambda: is_listening(first + 1), "the metrics of the worker that was started again")
        self.assertRan(self.down(), 0, "")

    def test_a_closed_terminal_ends_none_of_the_programs(self):
        self.assertRan(self.up("--detach"), 0, "")
        before = sorted(self.running())
        for pid in before:
            os.kill(pid, signal.SIGHUP)
        self.assertRan(self.get("ping"), 0, "PONG\n")
        self.assertEqual(sorted(self.running()), before)
        self.assertRan(self.down(), 0, "")


class Detached(UpTest):
    def test_listen_is_where_the_gateway_serves_and_down_stops_it(self):
        port = free_ports(1)[0]
        self.assertRan(self.up("-i", self.persons, "--detach", "--listen", f"127.0.0.1:{port}"), 0)
        def answer(path):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
                return response.read()
        self.assertEqual(json.loads(answer("/v1/keys/person2")), {"name": "Mary"})
        self.assertEqual(answer("/readyz"), b"ok\n")
        self.assertIn(b"<title>Trellis</title>", answer("/"))
        processes = json.loads((self.data / "running.json").read_text())["processes"]
        os.kill(next(process["pid"] for process in processes if process["name"] == "gateway"), signal.SIGKILL)
        wait_for(lambda: not is_listening(port), "the gateway to end")
        self.assertRan(self.up(stdin="PING"), 0, "PONG\n")
        wait_for(lambda: is_listening(port), "the gateway, where it was")
        self.assertRan(self.down(), 0)
        self.assertFalse(is_listening(port))

    def test_detach_leaves_it_running_and_down_stops_it(self):
        ran = self.assertRan(self.up("-i", self.persons, "--detach"), 0, "")
        self.assertRan(self.get("get", "person1"), 0, JOHN)
        before = sorted(self.running())
        self.assertEqual(len(before), 4, ran)
        with self.subTest("up on a cluster that runs opens the shell on it, and leaves it running"):
            self.assertRan(self.up(stdin="GET person1\nSET person3 3"), 0, JOHN + "OK\n")
            self.assertEqual(sorted(self.running()), before)
        self.assertRan(self.down(), 0, "")
        self.assertNothingRuns()
        with self.subTest("and its data is kept"):
            self.assertRan(self.up(stdin="GET person3"), 0, "person3 -> 3\n")

    def test_down_where_nothing_runs(self):
        ran = self.down()
        self.assertIn(ran.code, (0, 1))
        self.assertEqual(ran.out, "")
        self.assertOneLine(ran.err, self.data)


class Refusals(UpTest):
    def assertRefused(self, ran, *words, codes=(1, 2)):
        self.assertIn(ran.code, codes, ran)
        self.assertEqual(ran.out, "")
        self.assertOneLine(ran.err, *words)
        self.assertNothingRuns()

    def test_server_files(self):
        for text, words in (("127.0.0.1 9001\nnonsense\n", [":2"]), ("127.0.0.1 9001\n# x\n127.0.0.1 9001\n", [":3", "9001"]),
                            ("127.0.0.1 0\n", [":1"]), ("127.0.0.1 70000\n", [":1", "70000"]), ("", [])):
            with self.subTest(text=text):
                file = self.file("wrong.txt", text)
                self.assertRefused(self.up(servers=file, k=1), file, *words)
        self.assertRefused(self.up(servers=self.folder / "none.txt"), "none.txt")

    def test_k(self):
        self.assertRefused(self.up(k=0), "k")
        self.assertRefused(self.up(k=-1))
        self.assertRefused(self.up(k=4), "4", "3")

    def test_a_data_file_that_is_not_there(self):
        self.assertRefused(self.up("-i", self.folder / "none.txt"), "none.txt")

    def test_other_workers_k_or_partitions_than_the_folders(self):
        self.assertRan(self.up(stdin="PING"), 0, "PONG\n")
        self.assertRefused(self.up(k=1), "1", "2")
        self.assertRefused(self.up("--partitions", 32), "32", "16")
        others = self.file("others.txt", "".join(f"127.0.0.1 {port}\n" for port in [*self.ports[:2], free_ports(1)[0]]))
        self.assertRefused(self.up(servers=others), self.ports[2])
        self.assertRan(self.up(stdin="PING"), 0, "PONG\n")

    def test_a_port_in_use(self):
        ports = free_ports(1)
        broker = Process("trellis-broker", "--frontend", f"127.0.0.1:{self.frontend}", "--backend", f"127.0.0.1:{ports[0]}",
                         log=self.folder / "other.log")
        self.addCleanup(broker.kill)
        wait_for(lambda: is_listening(self.frontend), "the other broker")
        ran = self.up(stdin="PING", seconds=40)
        self.assertEqual(ran.code, 1, ran)
        self.assertIn(str(self.frontend), ran.err)
        self.assertNothingRuns()


class Loading(UpTest):
    def test_a_generated_file_is_loaded_and_counted(self):
        names = self.file("keys.txt", "name string\nage int\nheight float\n")
        generated = run("trellis", "generate", "-k", names, "-n", 5000, "-d", 3, "-l", 4, "-m", 5, "--seed", 1).out
        data = self.file("generated.txt", generated)
        self.assertRan(self.up("-i", data, stdin="COUNT\nHAS key1\nHAS key5000"), 0, "5000\ntrue\ntrue\n")


if __name__ == "__main__":
    main()
