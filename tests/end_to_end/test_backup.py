"""docs/backup.md: backups of one moment, verified, restored into other clusters, interrupted and gone on with."""
import json
import os
import random
import shutil
import signal
import subprocess
import threading

import msgpack

from support import EndToEndTest, main, one_shot, run, wait_for
from support.client import Packed
from support.processes import PROGRAMS, clean_environment

# Every type of value, and keys that are text, bytes, and as long as may be.
VALUES = [None, True, False, 0, 127, 128, -1, -33, 2**63 - 1, 2**64 - 1, -2**63, 1.5, float("inf"), "", "text", "\u00e4\u20ac\U0001f600",
          b"", b"\x00\xff", [], [1, [2, [3]]], {}, {"a": {"b": [None, {"c": b"x"}]}}, "x" * 100_000, b"y" * 300_000]
KEYS = [b"k", b"\x00", b"\xff\xfe", "\u00e4".encode(), b"a\x00b", b"x" * 4096]
FLOAT32 = Packed(b"\xca\x3f\x00\x00\x00")


def records_of(client):
    """Every record as its key and the bytes that its document is packed in."""
    records, after = {}, None
    while True:
        reply = client.call("SCAN", "", 1000, after, wait=30)
        assert reply.status == "OK", reply
        unpacker = msgpack.Unpacker(max_buffer_size=2**28, strict_map_key=False, raw=True)
        unpacker.feed(reply.packed_result)
        for _ in range(unpacker.read_array_header()):
            assert unpacker.read_array_header() == 2
            key = unpacker.unpack()
            begin = unpacker.tell()
            unpacker.skip()
            records[key] = reply.packed_result[begin:unpacker.tell()]
            after = key
        if not reply.info.get("more"):
            return records


def stream_of(path):
    """A stream as any program can read it: zstd, and MessagePack values one behind the other."""
    plain = subprocess.run(["zstd", "-dc", str(path)], capture_output=True, check=True).stdout
    unpacker = msgpack.Unpacker(max_buffer_size=2**28, strict_map_key=False)
    unpacker.feed(plain)
    return list(unpacker)


class Backups(EndToEndTest):
    bound = 240

    def fill(self, client, count=300):
        for number in range(count):
            self.assertOk(client.call("PUT", f"number:{number}", {"n": number, "text": "x" * (number % 50)}))
        for number, value in enumerate(VALUES):
            self.assertOk(client.call("PUT", f"value:{number}", value))
        for key in KEYS:
            self.assertOk(client.call("PUT", key, {"key": key}))
        self.assertOk(client.call("PUT", "value:float32", FLOAT32))
        self.assertOk(client.call("PUT", "expires", 1, ttl_ms=3_600_000))

    def back_up(self, cluster, folder, *flags, code=0):
        return self.assertRan(one_shot(cluster, "backup", folder, *flags), code)


class RoundTrip(Backups):
    def test_restored_into_another_cluster_it_is_equal_record_for_record(self):
        first = self.start_cluster(workers=3, k=2, partitions=8)
        client = self.client_of(first)
        self.fill(client)
        wanted = records_of(client)
        old_version = client.call("GET", "number:1").info["version"]
        folder = self.folder / "backup"
        self.back_up(first, folder)
        self.assertRan(run("trellis", "backup", "verify", folder), 0, out="")
        self.assertOk(client.call("PUT", "number:1", "later"))
        first.stop()
        for shape in ({"workers": 1, "k": 1, "partitions": 1}, {"workers": 5, "k": 3, "partitions": 32}):
            with self.subTest(shape=shape):
                second = self.start_cluster(**shape)
                other = self.client_of(second)
                self.assertRan(one_shot(second, "restore", folder), 0)
                self.assertEqual(records_of(other), wanted)
                left = self.assertOk(other.call("TTL", "expires")).result
                self.assertTrue(3_000_000 < left <= 3_600_000, left)
                self.assertOk(other.call("TTL", "number:1"), None)
                # What somebody remembers of a version from before the backup is no version of now.
                self.assertError(other.call("PUT", "number:1", 1, if_version=old_version), "FAILED_PRECONDITION")
                version = other.call("GET", "number:1").info["version"]
                self.assertGreater(version, 2**50)
                self.assertLess(version, 2**53)
                self.assertEqual(second.status()["epoch"], 2)
                again = self.assertRan(one_shot(second, "restore", folder), 0)
                self.assertIn("restored 0 records", again.err, "all of it is there")
                second.stop()

    def test_users_and_roles_come_back_where_that_is_wanted(self):
        self.assertRan(run("trellis", "keys", "init", self.folder / "keys"), 0)
        admin = self.folder / "keys" / "admin.user"
        shape = {"workers": 1, "k": 1, "partitions": 2, "flags": ("--cluster-key", self.folder / "keys" / "cluster.key"), "user": admin}

        def trellis(cluster, *words, user=admin):
            return run("trellis", "-b", cluster.frontend, "-u", user, *words)
        first = self.start_cluster(**shape)
        self.assertRan(trellis(first, "role", "set", "analysts", "--read", "reports:", "--cluster", "read"), 0)
        for name in ("ada", "bob"):
            self.assertRan(trellis(first, "user", "add", name, "--role", "analysts", "-o", self.folder / name), 0)
        self.assertRan(trellis(first, "user", "token", "ada"), 0)
        self.assertRan(trellis(first, "put", "reports:1", "1"), 0)
        with first.client() as client:
            known = {user["name"]: user for user in client.call("USER_LIST").result}
        folder = self.folder / "backup"
        self.assertRan(trellis(first, "backup", folder), 0)
        self.assertRan(run("trellis", "backup", "verify", folder), 0, out="")
        manifest = json.loads((folder / "manifest.json").read_text())
        self.assertEqual([role["name"] for role in manifest["users"]["roles"]], ["analysts"])
        first.stop()
        second = self.start_cluster(**shape)
        with second.client() as client:
            self.assertOk(client.call("USER_ADD", "bob", b"x" * 32, "reader"), True)
            self.assertIn("3 users as well; with --users", self.assertRan(trellis(second, "restore", folder), 0).err)
            self.assertEqual([user["name"] for user in client.call("USER_LIST").result], ["admin", "bob"])
            ran = self.assertRan(trellis(second, "restore", folder, "--users"), 0)
            self.assertIn("restored 2 users and 1 roles", ran.err)
            self.assertIn("user bob was not restored", ran.err)
            there = {user["name"]: user for user in client.call("USER_LIST").result}
        self.assertEqual((there["ada"], there["admin"], there["bob"]["key"]), (known["ada"], known["admin"], b"x" * 32))
        self.assertRan(trellis(second, "get", "reports:1", user=self.folder / "ada"), 0, out='"reports:1" -> 1\n')
        self.assertRan(trellis(second, "get", "other", user=self.folder / "ada"), 4)

    def test_the_files_are_what_the_page_says(self):
        cluster = self.start_cluster(workers=1, k=1, partitions=4)
        client = self.client_of(cluster)
        self.fill(client, 20)
        folder = self.folder / "backup"
        self.back_up(cluster, folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        self.assertEqual(manifest["format"], 1)
        self.assertEqual(manifest["cluster"], cluster.status()["cluster"])
        self.assertEqual([stream["partition"] for stream in manifest["streams"]], [0, 1, 2, 3])
        found = {}
        for stream in manifest["streams"]:
            header, *records, trailer = stream_of(folder / stream["file"])
            self.assertEqual(header, ["trellis-backup", 1, manifest["backup"], 4, stream["partition"], stream["index"], stream["term"]])
            self.assertEqual(trailer[0], len(records))
            self.assertEqual(stream["records"], len(records))
            for key, document, version, ttl_ms in records:
                reply = client.call("GET", key)
                self.assertEqual(reply.info["version"], version)
                self.assertEqual(ttl_ms is not None, key == "expires")
                found[key] = document
        self.assertEqual(len(found), 20 + len(VALUES) + len(KEYS) + 2)
        self.assertEqual(found["number:7"], {"n": 7, "text": "x" * 7})

    def test_a_part_goes_into_a_cluster_in_use(self):
        cluster = self.start_cluster(workers=1, k=1)
        client = self.client_of(cluster)
        for number in range(50):
            self.assertOk(client.call("PUT", f"user:{number}", number))
        self.assertOk(client.call("PUT", "other", 1))
        folder = self.folder / "backup"
        self.back_up(cluster, folder)
        self.assertOk(client.call("PUT", "user:1", "changed"))
        self.assertOk(client.call("DELETE", "user:2"))
        self.assertIn("--merge", one_shot(cluster, "restore", folder, "--prefix", "user:").err)
        self.assertIn("holds no users", one_shot(cluster, "restore", folder, "--users").err)
        refused = one_shot(cluster, "restore", folder)
        self.assertRan(refused, 4)
        self.assertOneLine(refused.err, "holds 50 documents", "--merge")
        self.assertRan(one_shot(cluster, "restore", folder, "--prefix", "user:", "--merge", "keep"), 0)
        self.assertOk(client.call("GET", "user:1"), "changed")
        self.assertOk(client.call("GET", "user:2"), 2)
        self.assertRan(one_shot(cluster, "restore", folder, "--prefix", "user:", "--merge", "replace"), 0)
        self.assertOk(client.call("GET", "user:1"), 1)
        self.assertRan(one_shot(cluster, "restore", folder, "--prefix", "user:", "--into", "was:", "--merge", "keep"), 0)
        self.assertOk(client.call("COUNT", "was:"), 50)
        self.assertOk(client.call("COUNT", ""), 101)
        self.assertLess(client.call("GET", "user:1").info["version"], 2**50, "a merge raises nothing")


    def test_one_stream_through_a_pipe(self):
        cluster = self.start_cluster(workers=1, k=1, partitions=4)
        client = self.client_of(cluster)
        self.fill(client, 50)
        wanted = records_of(client)
        ran = subprocess.run([str(PROGRAMS / "trellis"), "-b", cluster.frontend, "backup", "-"], capture_output=True, env=clean_environment(), timeout=60)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertRan(run("trellis", "backup", "verify", "-", stdin=ran.stdout), 0, out="")
        self.assertRan(run("trellis", "backup", "verify", "-", stdin=ran.stdout[:-5]), 4)
        second = self.start_cluster(workers=1, k=1, partitions=2)
        self.assertRan(one_shot(second, "restore", "-", stdin=ran.stdout), 0)
        self.assertEqual(records_of(self.client_of(second)), wanted)


class Damage(Backups):
    def test_what_is_damaged_is_named_and_not_restored(self):
        cluster = self.start_cluster(workers=1, k=1, partitions=2)
        client = self.client_of(cluster)
        self.fill(client, 20)
        folder = self.folder / "backup"
        self.back_up(cluster, folder)
        file = folder / "partition-0001.msgpack.zst"
        good = file.read_bytes()
        file.write_bytes(good[:-1])
        verified = run("trellis", "backup", "verify", folder)
        self.assertRan(verified, 4)
        self.assertOneLine(verified.out, "partition-0001.msgpack.zst, byte", "right is")
        refused = one_shot(cluster, "restore", folder, "--merge", "keep")
        self.assertRan(refused, 4)
        self.assertOneLine(refused.err, "the backup is damaged", "partition-0001.msgpack.zst")
        file.write_bytes(good)
        self.assertRan(run("trellis", "backup", "verify", folder), 0, out="")
        self.assertRan(one_shot(cluster, "backup", folder), 4)


class Interrupted(Backups):
    def test_a_backup_and_a_restore_that_are_ended_go_on(self):
        cluster = self.start_cluster(workers=3, k=2, partitions=8)
        client = self.client_of(cluster)
        items = [["PUT", [f"{number:06}", "x" * 100]] for number in range(20_000)]
        for begin in range(0, len(items), 1000):
            self.assertOk(client.call("BATCH", items[begin:begin + 1000]))
        folder = self.folder / "backup"
        slow = subprocess.Popen([str(PROGRAMS / "trellis"), "-b", cluster.frontend, "backup", str(folder), "--rate", "200KiB", "--at-a-time", "1"],
                                stderr=subprocess.PIPE, env=clean_environment())
        self.addCleanup(slow.kill)
        wait_for(lambda: list(folder.glob("partition-*.zst")), "the first stream", 30)
        slow.send_signal(signal.SIGINT)
        self.assertIn(b"goes on with it", slow.communicate(timeout=20)[1])
        self.assertEqual(slow.returncode, 3)
        self.assertFalse((folder / "manifest.json").exists())
        self.assertOk(client.call("PUT", "later", 1))
        cluster.kill_worker(0)  # Whoever serves what is frozen may change on the way.
        went_on = self.back_up(cluster, folder)
        self.assertIn("went on", went_on.err)
        self.assertRan(run("trellis", "backup", "verify", folder), 0)
        manifest = json.loads((folder / "manifest.json").read_text())
        self.assertEqual(sum(stream["records"] for stream in manifest["streams"]), 20_000, "as of the cut, not of now")
        self.assertFalse((folder / "unfinished.json").exists())

        second = self.start_cluster(workers=1, k=1, partitions=4)
        restoring = subprocess.Popen([str(PROGRAMS / "trellis"), "-b", second.frontend, "restore", str(folder)],
                                     stderr=subprocess.PIPE, env=clean_environment())
        self.addCleanup(restoring.kill)
        other = self.client_of(second)
        wait_for(lambda: other.call("COUNT").result > 0 or restoring.poll() is not None, "the first records", every=0.001)
        restoring.send_signal(signal.SIGKILL)
        restoring.wait()
        restoring.stderr.close()
        self.assertRan(one_shot(second, "restore", folder), 0)
        self.assertOk(other.call("COUNT"), 20_000)


class OneMoment(Backups):
    rounds = int(os.environ.get("TRELLIS_BACKUPS", 12))
    bound = 400 + 10 * rounds

    def test_pairs_written_one_after_the_other_are_never_the_wrong_way_round(self):
        """`backups` in the simulator does this with leaders that are killed at any step; here it is real processes."""
        cluster = self.start_cluster(workers=3, k=2, partitions=16)
        stop, failures, acknowledged = threading.Event(), [], {}

        def write(name):
            """Numbers that grow, each into the first key of a pair and then into the second one."""
            with cluster.client() as client:
                number = 0
                while not stop.is_set():
                    number += 1
                    for half in range(2):
                        key = f"pair:{name}:{number % 50}:{half}"
                        while client.call("PUT", key, number, timeout_ms=20_000, wait=30, session=f"writer {name}",
                                          seq=2 * number + half).status != "OK":
                            pass
                        acknowledged[key] = number
        threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        self.addCleanup(stop.set)
        wait_for(lambda: len(acknowledged) == 400, "all pairs")
        killed = None
        for number in range(self.rounds):
            if number % 3 == 2:
                if killed is not None:
                    cluster.start_worker(killed)
                    cluster.wait_for_state(killed, "up")
                killed = cluster.leader_of("pair:1")
                killer = threading.Timer(random.uniform(0, 0.3), cluster.kill_worker, (killed,))
                killer.start()
            before = dict(acknowledged)
            folder = self.folder / "backup"
            self.back_up(cluster, folder)
            held = {}
            for stream in json.loads((folder / "manifest.json").read_text())["streams"]:
                held.update(record[:2] for record in stream_of(folder / stream["file"])[1:-1])
            shutil.rmtree(folder)
            failures += [(number, key, held[key], held[key[:-1] + "0"]) for key in held if key.endswith(":1") and held[key] > held[key[:-1] + "0"]]
            failures += [(number, key, held.get(key), value) for key, value in before.items() if held.get(key, 0) < value]
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertGreater(min(acknowledged.values()), self.rounds)


class WithoutALeader(Backups):
    def test_groups_without_a_leader_are_named_and_left_out_where_that_is_wanted(self):
        cluster = self.start_cluster(workers=2, k=1, partitions=4)
        client = self.client_of(cluster)
        self.fill(client, 50)
        cluster.kill_worker(0)
        cluster.wait_for_state(0, "down")
        refused = one_shot(cluster, "backup", self.folder / "refused", "--timeout", "2000")
        self.assertRan(refused, 3)
        self.assertOneLine(refused.err, "partition", "--partial")
        left_out = self.back_up_without_some(cluster, "one")
        cluster.start_worker(0)
        cluster.wait_until_whole()
        cluster.kill_worker(1)
        cluster.wait_for_state(1, "down")
        left_out += self.back_up_without_some(cluster, "other")
        self.assertEqual(sorted(left_out), [0, 1, 2, 3], "each on one worker, partition 0 with users and roles as well")

    def back_up_without_some(self, cluster, name):
        ran = one_shot(cluster, "backup", self.folder / name, "--partial", "--timeout", "20000")
        self.assertRan(ran, 1)
        self.assertIn("not in it:", ran.err)
        manifest = json.loads((self.folder / name / "manifest.json").read_text())
        missing = manifest["missing_partitions"]
        self.assertTrue(missing)
        self.assertEqual(sorted(missing + [stream["partition"] for stream in manifest["streams"]]), [0, 1, 2, 3])
        self.assertIsNone(manifest["users"])
        self.assertRan(run("trellis", "backup", "verify", self.folder / name), 0)
        return missing


if __name__ == "__main__":
    main()
