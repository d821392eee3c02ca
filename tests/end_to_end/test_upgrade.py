"""A rolling upgrade under load: to a build of the same source that knows one level more, and has one kind of entry more
(tests/level_ahead), and back for as long as the level allows it. docs/upgrade.md says what has to hold."""
import subprocess
import threading
import time

from support import EndToEndTest, free_ports, main, run, wait_for
from support.processes import PROGRAMS, Process, clean_environment, die_with_parent

AHEAD = {"trellis-broker": "ahead/trellis-broker", "trellis-worker": "ahead/trellis-worker"}
WORDS_OF_THE_ENTRY = b"an entry of the level ahead"


class Shells:
    """Shells, each of them a client of the C++ library that knows all brokers, that write and read keys of their own, one
    command after the other. `errors` are the answers that were not as they should be; a shell ends with its first."""

    def __init__(self, frontends, count=4, keys_each=8):
        self.errors, self.answered, self.longest = [], 0, 0.0
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number, frontends, keys_each), daemon=True)
                         for number in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self, number, frontends, keys_each):
        brokers = [word for frontend in frontends[number % 2:] + frontends[:number % 2] for word in ("-b", frontend)]
        shell = subprocess.Popen([PROGRAMS / "trellis", *brokers], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, env=clean_environment(), preexec_fn=die_with_parent)
        value = 0
        while not self._stopping.is_set() and not self.errors:
            value += 1
            key = f"shell{number}-{value % keys_each}"
            for command, answer in ((f"PUT {key} {value}", "OK"), (f"GET {key}", f"{key} -> {value}")):
                begun = time.monotonic()
                shell.stdin.write(command + "\n")
                shell.stdin.flush()
                told = shell.stdout.readline().rstrip("\n")
                self.longest = max(self.longest, time.monotonic() - begun)
                self.answered += 1
                if told != answer:
                    self.errors.append(f"{command}: {told}")
        shell.stdin.close()
        shell.stdout.close()
        shell.wait(10)

    def wait_for_some(self, count=200):
        seen = self.answered
        wait_for(lambda: self.errors or self.answered > seen + count, "answers", 30)

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a shell does not end"


class RollingUpgrade(EndToEndTest):
    bound = 240

    def levels(self, cluster):
        """Of the cluster, and of its workers."""
        return cluster.status()["level"], [member["level"] for _, member in sorted(cluster.members().items())]

    def wait_as_the_page_says(self, cluster):
        """`trellis ready --wait 60 && trellis doctor`, until nothing is told but the levels."""
        brokers = [flag for frontend in cluster.frontends for flag in ("-b", frontend)]
        self.assertRan(run("trellis", *brokers, "ready", "--wait", 60), 0)

        def nothing_but_levels():
            told = run("trellis", "doctor", *brokers).out.splitlines()
            self.assertEqual([line for line in told if "its level is" not in line], [])
            return True
        wait_for(nothing_but_levels, "nothing to be told", 60)

    def replace_worker(self, cluster, shells, number, program):
        self.assertEqual(cluster.workers[number].stop(), 0, cluster.workers[number].tail())
        cluster.start_worker(number, program=program)
        self.wait_as_the_page_says(cluster)
        shells.wait_for_some()
        self.assertEqual(shells.errors, [])

    def replace_broker(self, cluster, shells, number, program):
        self.assertEqual(cluster.brokers[number].stop(), 0, cluster.brokers[number].tail())
        cluster.start_broker(number, program=program)
        self.wait_as_the_page_says(cluster)
        shells.wait_for_some()
        self.assertEqual(shells.errors, [])

    def logs_with_the_entry(self, cluster):
        return [number for number in range(3)
                if any(WORDS_OF_THE_ENTRY in path.read_bytes() for path in (cluster.data_of(number) / "log").glob("*.log"))]

    def test_forwards_back_and_forwards_without_a_failed_request(self):
        cluster = self.start_cluster(workers=3, k=2, brokers=2)
        shells = Shells(cluster.frontends)
        now, ahead = "trellis-worker", AHEAD["trellis-worker"]
        self.assertEqual(self.levels(cluster), (1, [1, 1, 1]))

        self.replace_broker(cluster, shells, 0, AHEAD["trellis-broker"])
        self.replace_worker(cluster, shells, 0, ahead)
        self.replace_worker(cluster, shells, 1, ahead)
        self.assertEqual(self.levels(cluster), (1, [2, 2, 1]), "raised before all know it")
        ran = run("trellis", "-b", cluster.frontend, "doctor")
        self.assertRan(ran, 1)
        self.assertOneLine(ran.out, f"its level is 1, and some of its workers know 2, but not {cluster.address_of(2)}")
        # What follows the map has to be written again, in a kind that the older worker knows.
        self.assertRan(run("trellis", "-b", cluster.frontend, "settings", "moves=3"), 0)
        self.replace_worker(cluster, shells, 0, now)
        self.assertEqual(self.levels(cluster), (1, [1, 2, 1]), "back, while not all know more")
        self.replace_worker(cluster, shells, 0, ahead)
        self.assertEqual(self.logs_with_the_entry(cluster), [])

        self.replace_worker(cluster, shells, 2, ahead)
        wait_for(lambda: self.levels(cluster) == (2, [2, 2, 2]), "the level to be raised")
        # The broker that was not replaced says so, and goes on.
        cluster.brokers[1].wait_for_output("has level 2, and this program knows level 1: start it with the version of Trellis "
                                           "that the cluster's workers run; until then it serves by the map that it has")
        shells.wait_for_some()
        self.assertRan(run("trellis", "-b", cluster.frontend, "settings", "moves=4"), 0)
        wait_for(lambda: self.logs_with_the_entry(cluster) == [0, 1, 2], "the entry of the level ahead in all logs")
        self.replace_broker(cluster, shells, 1, AHEAD["trellis-broker"])
        self.replace_worker(cluster, shells, 1, ahead)  # It reads what it wrote.

        self.assertWhoKnowsLessIsRefused(cluster)
        shells.stop()
        self.assertEqual(shells.errors, [])

    def assertWhoKnowsLessIsRefused(self, cluster):
        told = f"cluster {cluster.status()['cluster']} has level 2, and this program knows level 1"
        self.assertEqual(cluster.workers[0].stop(), 0)
        before = {path: path.read_bytes() for path in cluster.data_of(0).rglob("*") if path.is_file()}
        for flags in ((), ("--heal",)):
            older = cluster.start_worker(0, flags=flags)
            self.assertEqual(older.wait(), 1)
            self.assertIn(f"{told}: start it with the version of Trellis that the cluster's workers run", older.tail(1))
        checked = run("trellis", "doctor", "--data", cluster.data_of(0))
        self.assertRan(checked, 1, out="")
        self.assertOneLine(checked.err, told)
        self.assertRan(run(AHEAD["trellis-worker"], "--check", "--data", cluster.data_of(0)), 0)
        self.assertEqual({path: path.read_bytes() for path in before}, before, "it changed something")
        cluster.start_worker(0, program=AHEAD["trellis-worker"])
        cluster.wait_until_whole()

        port, = free_ports(1)
        newcomer = Process("trellis-worker", "-p", port, "-b", cluster.backends[0], "--data", self.folder / "newcomer", "--join",
                           log=self.folder / "newcomer.log")
        self.addCleanup(newcomer.kill)
        newcomer.wait_for_output(f"it knows level 1, and cluster {cluster.status()['cluster']} has level 2: start it with the "
                                 "version of Trellis that the other workers run")

        self.assertEqual(cluster.brokers[1].stop(), 0)
        older = cluster.start_broker(1)
        wait_for(lambda: older.output().count(told) == 2, "the older broker to say why it does not serve")
        self.assertRan(run("trellis", "-b", cluster.frontends[1], "ready"), 3)


if __name__ == "__main__":
    main()
