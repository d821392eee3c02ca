"""docs/upgrade.md: folders that earlier versions wrote are opened by later ones.

tests/fixtures/worker-VERSION.tar.zst is the folder of a lone worker at 127.77.1.1:7410, and its cluster's keys, as the
version left it when it ended: two snapshots, and in the log behind them single changes, a document that expires, a write
with a session, users and roles, and settings.
"""
import pathlib
import subprocess

from support import EndToEndTest, main, run, wait_for
from support.client import Client
from support.processes import Process

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures"
HOST = "127.77.1.1"


class Folders(EndToEndTest):
    def test_folders_of_earlier_versions_are_opened_and_hold_what_they_held(self):
        for fixture in sorted(FIXTURES.glob("worker-*.tar.zst")):
            with self.subTest(fixture=fixture.name):
                folder = self.folder / fixture.name
                folder.mkdir()
                subprocess.run(["tar", "--zstd", "-xf", str(fixture), "-C", str(folder)], check=True)
                self.assertRan(run("trellis", "doctor", "--data", folder / "worker"), 0, out="")
                self.check(folder)

    def check(self, folder):
        key = ("--cluster-key", folder / "keys" / "cluster.key")
        broker = Process("trellis-broker", "--frontend", f"{HOST}:7400", "--backend", f"{HOST}:7401", *key, log=folder / "broker.log")
        self.addCleanup(broker.kill)
        worker = Process("trellis-worker", "-a", HOST, "-p", 7410, "-b", f"{HOST}:7401", "--data", folder / "worker", *key,
                         log=folder / "worker.log")
        self.addCleanup(worker.kill)
        with Client(f"{HOST}:7400", user=folder / "keys" / "admin.user") as client:
            wait_for(lambda: client.call("STATUS").result.get("guaranteed"), "the cluster of the folder")
            self.assertOk(client.call("COUNT"), 105)
            self.assertOk(client.call("GET", "number:7"), {"n": 7, "text": ""})
            self.assertEqual(client.call("GET", "number:7").info["version"], 32768)
            self.assertOk(client.call("GET", "number:5"), {"n": 105, "text": "xxxxx"})
            self.assertOk(client.call("HAS", "number:3"), False)
            self.assertOk(client.call("GET", "large:3"), {"n": 119, "text": "y" * 100_000})
            self.assertGreater(self.assertOk(client.call("TTL", "expires")).result, 300_000_000_000)
            self.assertOk(client.call("PUT", "once", 1, session="s", seq=1))
            self.assertError(client.call("PUT", "once", 2, session="s", seq=1), "FAILED_PRECONDITION")
            self.assertOk(client.call("SETTINGS"), {"k": 1, "moves": 3, "move_rate": 0, "repair_after_ms": 600_000})
            users = self.assertOk(client.call("USER_LIST")).result
            self.assertEqual([(user["name"], user["role"]) for user in users], [("ada", "analysts"), ("admin", "admin")])
            self.assertOk(client.call("PUT", "number:3", "written again"))
        worker.kill()
        broker.kill()


if __name__ == "__main__":
    main()
