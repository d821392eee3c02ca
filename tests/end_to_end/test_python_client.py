"""clients/python against real processes: what its page shows, the package as pip installs it, and every write once
while a worker and a broker are killed."""
import doctest
import re
import shutil
import subprocess
import sys
import threading

from support import EndToEndTest, main, wait_for
from support.processes import ROOT

PACKAGE = ROOT / "clients" / "python"
sys.path.insert(0, str(PACKAGE))

import trellis  # noqa: E402  (it is found by now)
from trellis.batch_answers import BatchAnswers  # noqa: E402
from trellis.wire import Reply  # noqa: E402


class Page(EndToEndTest):
    def test_the_pages_examples_print_what_they_show(self):
        cluster = self.start_cluster(workers=1, k=1)
        page = (PACKAGE / "README.md").read_text(encoding="utf-8").replace("127.0.0.1:7400", cluster.frontend)
        # A fence ends what an example prints.
        examples = doctest.DocTestParser().get_doctest(re.sub(r"^```.*$", "", page, flags=re.MULTILINE), {}, "README.md", "README.md", 0)
        self.assertGreater(len(examples.examples), 25)
        said = []
        doctest.DocTestRunner(verbose=False, optionflags=doctest.IGNORE_EXCEPTION_DETAIL).run(examples, out=said.append)
        self.assertEqual("".join(said), "")


class Package(EndToEndTest):
    def test_pip_installs_it_from_the_tree_without_a_network(self):
        tree = shutil.copytree(PACKAGE, self.folder / "python", ignore=shutil.ignore_patterns("__pycache__"))
        venv = self.folder / "venv"
        self.ran(sys.executable, "-m", "venv", "--system-site-packages", "--without-pip", venv)
        self.ran(sys.executable, "-m", "pip", "--python", venv / "bin" / "python3", "install", "--no-index", "--no-build-isolation", tree)
        version, file, *typed = self.ran(
            venv / "bin" / "python3", "-c", "import importlib.metadata as m, trellis; print(m.version('trellis-client'));"
            "print(trellis.__file__); [print(f) for f in m.files('trellis-client') if f.name == 'py.typed']").splitlines()
        self.assertTrue(file.startswith(str(venv)), file)
        self.assertEqual(typed, ["trellis/py.typed"])
        self.assertEqual(version, re.search(r"^project\(trellis VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.MULTILINE)[1])

    def ran(self, *words):
        ran = subprocess.run([str(word) for word in words], cwd=self.folder, text=True, capture_output=True, timeout=60, check=False)
        self.assertEqual(ran.returncode, 0, ran)
        return ran.stdout


class CopiesOfABatch(EndToEndTest):
    """Copies are done at moments that nobody knows: the reads of a key are those of one copy."""

    def merged(self, items, *copies):
        answers = BatchAnswers(items)
        for said in copies:
            answers.take(Reply(1, "OK", said, {}))
        return answers.is_complete, answers.reply(1).result

    def test_reads_of_a_key_come_from_one_copy_whichever_is_answered_first(self):
        later = [["OK", True, {"version": 9}], ["RESOURCE_EXHAUSTED", None, {}]]
        earlier = [["OK", True, {"version": 4}], ["OK", 1, {"version": 4}]]
        for copies in ((later, earlier), (earlier, later)):
            is_complete, result = self.merged([["HAS", ["a"]], ["GET", ["a"]]], *copies)
            self.assertTrue(is_complete)
            self.assertEqual(result, earlier)

    def test_a_read_without_the_write_before_it_is_not_shown_once_another_copy_did_the_write(self):
        with_write = [["OK", True, {"version": 7}], ["DEADLINE_EXCEEDED", None, {}]]
        without = [["UNAVAILABLE", None, {}], ["OK", 1, {"version": 1}]]
        for copies in ((with_write, without), (without, with_write)):
            is_complete, result = self.merged([["PUT", ["a", 2]], ["GET", ["a"]]], *copies)
            self.assertFalse(is_complete)
            self.assertEqual(result[0], with_write[0])
            self.assertNotEqual(result[1][0], "OK")


class Counters:
    """Threads that count: each reads a number with its version, and writes the next one on the condition that nobody has
    meanwhile. A write that was done twice, or done and called refused, leaves a sum that is not what was counted."""

    def __init__(self, frontends, count=4):
        self.client = trellis.Client(*frontends, timeout_ms=30_000)
        self.counted = {}
        self.errors = []
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self, number):
        """Threads share counters two by two, and the worker and the broker that each is with."""
        key = f"counter{number // 2}"
        self.counted[number] = 0
        while not self._stopping.is_set():
            try:
                try:
                    value, version = self.client.get_with_version(key)
                    self.client.put(key, value + 1, if_version=version)
                except trellis.NotFound:
                    self.client.put(key, 1, if_absent=True)
                self.counted[number] += 1
            except (trellis.FailedPrecondition, trellis.AlreadyExists):
                pass  # The other thread was first.
            except Exception as error:  # Told by the test: a thread's traceback fails nothing.
                self.errors.append(repr(error))

    @property
    def sum(self):
        return sum(self.counted.values())

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
        return self


class Failures(EndToEndTest):
    def test_every_write_happens_once_while_a_worker_and_a_broker_are_killed(self):
        cluster = self.start_cluster(workers=3, k=2, brokers=2)
        counters = [Counters(cluster.frontends), Counters(cluster.frontends[::-1])]
        try:
            self.awaits_writes(counters)
            leader = cluster.leader_of("counter0")
            cluster.kill_broker(0)
            self.awaits_writes(counters)
            cluster.kill_worker(leader)
            self.awaits_writes(counters)
            cluster.start_broker(0)
            cluster.kill_broker(1)
            self.awaits_writes(counters)
        finally:
            for each in counters:
                each.stop()
        self.assertEqual([error for each in counters for error in each.errors], [])
        client = counters[0].client
        stored = sum(client.get(key) for key in client.all_keys("counter"))
        self.assertEqual(stored, sum(each.sum for each in counters))
        self.assertEqual(len(list(client.all_keys("counter"))), 2)

    def awaits_writes(self, counters, more=40):
        """Both go on counting: the one that began with this broker, and the other."""
        for each in counters:
            begun = each.sum
            wait_for(lambda each=each, begun=begun: each.sum >= begun + more, "writes", seconds=30)


if __name__ == "__main__":
    main()
