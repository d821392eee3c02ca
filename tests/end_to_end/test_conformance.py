"""tests/conformance: the C++ and the Python library are answered as requests.jsonl says, also while a worker and a broker are
killed and started again."""
import subprocess
import sys

from support import EndToEndTest, main, wait_for
from support.processes import PROGRAMS, ROOT, clean_environment, die_with_parent

CONFORMANCE = ROOT / "tests" / "conformance"
REQUESTS = CONFORMANCE / "requests.jsonl"


class Asking:
    """A program that asks for the file's requests, round after round."""

    def __init__(self, *command, brokers):
        self._process = subprocess.Popen(
            [*map(str, command), str(REQUESTS), *brokers], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True, preexec_fn=die_with_parent,
            env=clean_environment(PYTHONPATH=str(ROOT / "clients" / "python")))

    def finish(self):
        """Ends after the round under way: exit code, rounds, and what was answered otherwise."""
        out, err = self._process.communicate("end", timeout=60)
        return self._process.returncode, int(out or 0), err


class Conformance(EndToEndTest):
    def test_both_libraries_see_the_same_replies_while_a_worker_and_a_broker_are_killed(self):
        cluster = self.start_cluster(workers=3, k=2, brokers=2)
        asking = {"C++": Asking(PROGRAMS / "client_conformance", brokers=cluster.frontends),
                  "Python": Asking(sys.executable, CONFORMANCE / "conformance.py", brokers=cluster.frontends)}
        self.awaits_requests(cluster)
        leader = cluster.leader_of("conformance:")
        cluster.kill_broker(0)
        self.awaits_requests(cluster)
        cluster.kill_worker(leader)
        self.awaits_requests(cluster)
        cluster.start_broker(0)
        cluster.start_worker(leader)
        wait_for(lambda: cluster.status(0).get("workers_up") == 3, "all workers")
        cluster.kill_broker(1)
        self.awaits_requests(cluster)
        for library, process in asking.items():
            with self.subTest(library=library):
                code, rounds, differs = process.finish()
                self.assertEqual((code, differs), (0, ""))
                self.assertGreaterEqual(rounds, 4)

    def awaits_requests(self, cluster, more=40):
        """Both go on: keys of theirs are written all the time."""
        client = self.client_of(cluster, broker=next(n for n, broker in enumerate(cluster.brokers) if broker.is_running))

        def count():
            return client.call("COUNT", "conformance:", timeout_ms=20_000).result
        begun = count()
        wait_for(lambda: count() >= begun + more, "requests", seconds=30, every=0.1)


if __name__ == "__main__":
    main()
