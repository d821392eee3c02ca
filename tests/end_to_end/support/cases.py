"""Test cases that own folders and processes, and assertions that read as the contracts do."""
import pathlib
import shutil
import signal
import sys
import tempfile
import unittest

from .cluster import Cluster
from .processes import kill_all_of


class TooLong(Exception):
    """A test ran over its bound."""


def _ring(*_):
    raise TooLong("this test ran over its bound")


class EndToEndTest(unittest.TestCase):
    """A test with a temporary folder. Whatever it started is gone when it ends; it has `bound` seconds."""
    maxDiff = 4000
    bound = 120

    def run(self, result=None):
        signal.signal(signal.SIGALRM, _ring)
        signal.alarm(self.bound)
        try:
            return super().run(result)
        finally:
            signal.alarm(0)

    def setUp(self):
        self.folder = make_folder()
        self.addCleanup(remove_folder, self.folder)

    def start_cluster(self, **settings):
        """A Cluster of this test's own."""
        folder = self.folder / f"cluster-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        cluster = Cluster(folder, start=False, **settings)
        self.addCleanup(cluster.stop)
        return cluster.start()

    def client_of(self, cluster, broker=0, **settings):
        client = cluster.client(broker, **settings)
        self.addCleanup(client.close)
        return client

    def file(self, name, text):
        """A file in the test's folder."""
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    # What a reply has to be.

    def assertOk(self, reply, result=...):
        self.assertEqual(reply.status, "OK", reply)
        if result is not ...:
            self.assertEqual(reply.result, result)
            self.assertIs(type(reply.result), type(result))
        return reply

    def assertError(self, reply, status, *words):
        """An error has a message of one line, no result, and names what matters."""
        self.assertEqual(reply.status, status, reply)
        self.assertIsNone(reply.result, reply)
        self.assertTrue(reply.message, "an error carries a message")
        self.assertNotIn("\n", reply.message)
        for word in words:
            self.assertIn(word, reply.message)
        return reply

    # What a program has to have printed.

    def assertRan(self, ran, code, out=..., err=...):
        self.assertEqual(ran.code, code, ran)
        if out is not ...:
            self.assertEqual(ran.out, out, ran)
        if err is not ...:
            self.assertEqual(ran.err, err, ran)
        return ran

    def assertOneLine(self, text, *words):
        """One line that holds these words, for people to act on."""
        self.assertEqual(text.count("\n"), 1, text)
        for word in words:
            self.assertIn(str(word), text)


class ClusterTest(EndToEndTest):
    """Tests that share one cluster, started with `settings`. Each keeps to keys of its own: `self.key(name)`."""
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.shared = make_folder()
        cls.addClassCleanup(remove_folder, cls.shared)
        cls.cluster = Cluster(cls.shared, start=False, **cls.settings)
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()

    def setUp(self):
        super().setUp()
        self.client = self.client_of(self.cluster)

    def call(self, command, *arguments, **options):
        return self.client.call(command, *arguments, **options)

    def key(self, name=""):
        """A key of this test alone."""
        return f"{self._testMethodName}.{name}"


def make_folder():
    return pathlib.Path(tempfile.mkdtemp(prefix="trellis-e2e-"))


def remove_folder(folder):
    kill_all_of(folder)
    shutil.rmtree(folder, ignore_errors=True)


def main():
    """Runs the tests of the file that calls it."""
    unittest.main(verbosity=2, argv=[sys.argv[0], *sys.argv[1:]])
