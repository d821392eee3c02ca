"""Disks that are full, cannot be written or hold damage: the worker says what is wrong and how to go on, acknowledges
nothing, and comes back once the cause is gone; nothing that was acknowledged is lost while the others run."""
import shutil
import threading
import unittest

from support import EndToEndTest, Cluster, free_ports, main, run, wait_for
from support.disks import SmallDisk, can_mount, flip_bit, is_confirmed, newest_record, newest_segment, written_segments

CAN_MOUNT = can_mount()
needs_mounts = unittest.skipUnless(CAN_MOUNT, "a tmpfs cannot be mounted here (root is needed)")


class DiskTest(EndToEndTest):
    bound = 180

    def new_cluster(self, **settings):
        """Not started yet."""
        folder = self.folder / "cluster"
        folder.mkdir()
        cluster = Cluster(folder, start=False, **settings)
        self.addCleanup(cluster.stop)
        return cluster

    def disk_of(self, cluster, number, size):
        disk = SmallDisk(cluster.data_of(number), size)
        self.addCleanup(disk.unmount)
        return disk

    def write_some(self, client, acknowledged, count, size=100, timeout_ms=5000):
        """Writes documents of their own; those that were acknowledged are noted. The statuses of all."""
        ids = {}
        for number in range(len(acknowledged), len(acknowledged) + count):
            key = f"key{number}.{len(ids)}"
            ids[client.send("PUT", key, key + "x" * size, timeout_ms=timeout_ms)] = key
        statuses = []
        for _ in ids:
            reply = client.receive()
            statuses.append(reply.status)
            if reply.status == "OK":
                acknowledged[ids[reply.id]] = ids[reply.id] + "x" * size
        return statuses

    def assertHolds(self, client, acknowledged):
        keys = list(acknowledged)
        for begin in range(0, len(keys), 1000):
            part = keys[begin:begin + 1000]
            replies = self.assertOk(client.call("BATCH", [["GET", [key]] for key in part])).result
            self.assertEqual([reply[:2] for reply in replies], [["OK", acknowledged[key]] for key in part])

    def assertHoldsWithout(self, cluster, client, acknowledged, without):
        """Everything is there while another worker is away, so that the mended one is needed for a majority."""
        cluster.kill_worker(without)
        self.assertHolds(client, acknowledged)
        cluster.start_worker(without)
        cluster.wait_until_whole()

    def assertEndsSaying(self, worker, *words, seconds=30):
        """It ends by itself with exit code 1, and its last line names these."""
        self.assertEqual(worker.wait(seconds), 1, worker.tail())
        last = worker.tail(1)
        for word in words:
            self.assertIn(word, last)

    def assertRefusesToStart(self, cluster, number, *words):
        self.assertEndsSaying(cluster.start_worker(number), *words)


@needs_mounts
class Full(DiskTest):
    def test_one_worker_of_three(self):
        cluster = self.new_cluster(workers=3, k=2, partitions=4)
        disk = self.disk_of(cluster, 1, 256 << 20)
        cluster.start()
        client, acknowledged = self.client_of(cluster), {}
        self.write_some(client, acknowledged, 200)
        disk.shrink_to_what_is_used()

        def it_ends():
            self.assertEqual(set(self.write_some(client, acknowledged, 200, size=5000)), {"OK"})
            return not cluster.workers[1].is_running
        wait_for(it_ends, "the worker to meet its full disk", 60)
        self.assertEndsSaying(cluster.workers[1], "disk is full", "make room", str(cluster.data_of(1)))
        self.assertEqual(set(self.write_some(client, acknowledged, 200)), {"OK"})
        self.assertHolds(client, acknowledged)
        self.assertRefusesToStart(cluster, 1, "disk is full", "make room")
        disk.grow(512 << 20)
        cluster.start_worker(1)
        cluster.wait_until_whole()
        self.assertHoldsWithout(cluster, client, acknowledged, without=0)

    def test_the_only_worker_takes_what_makes_room_and_nothing_else(self):
        cluster = self.new_cluster(workers=1, k=1, partitions=1)
        disk = self.disk_of(cluster, 0, 256 << 20)
        cluster.start()
        client, acknowledged = self.client_of(cluster), {}
        self.write_some(client, acknowledged, 200)
        disk.shrink_to_what_is_used()

        def it_refuses():
            return set(self.write_some(client, acknowledged, 50)) == {"RESOURCE_EXHAUSTED"}
        wait_for(it_refuses, "the worker to meet its full disk", 30)
        self.assertIn("nearly full", cluster.workers[0].tail(3))
        self.assertHolds(client, acknowledged)
        gone = next(iter(acknowledged))
        self.assertOk(client.call("DELETE", gone))
        del acknowledged[gone]
        disk.grow(512 << 20)
        wait_for(lambda: set(self.write_some(client, acknowledged, 1)) == {"OK"}, "the room to be seen", 30)
        self.assertHolds(client, acknowledged)


@needs_mounts
class Filling(DiskTest):
    def test_the_doctor_tells_how_long_it_lasts(self):
        cluster = self.new_cluster(workers=1, k=1, partitions=1)
        self.disk_of(cluster, 0, 700 << 20)
        port, = free_ports(1)
        cluster.start_broker()
        cluster.start_worker(0, flags=("--metrics", port))
        cluster.wait_until_whole()

        def doctor():
            return run("trellis", "doctor", "-b", cluster.frontend, "--metrics", f"127.0.0.1:{port}")
        wait_for(lambda: doctor().code == 0, "the first metrics")
        stop = threading.Event()

        def somebody_else_writes():
            with open(cluster.data_of(0) / "somebody-elses", "wb", buffering=0) as file:
                while not stop.wait(0.5):
                    file.write(bytes(1 << 20))
        writing = threading.Thread(target=somebody_else_writes, daemon=True)
        writing.start()
        self.addCleanup(stop.set)

        def it_is_told():
            ran = doctor()
            self.assertEqual(ran.code, 2, ran)
            self.assertRegex(ran.out, r"^FAULT process at 127\.0\.0\.1:\d+: the disk of its --data has 0\.\d GB left of 0\.7 GB, and is full in "
                                      r"0\.[01] hours at the present rate, [12]\.\d MB/s\. Make room")
            return True
        wait_for(it_is_told, "the disk's end to be told", 100)
        stop.set()
        writing.join()
        wait_for(lambda: doctor().code == 0, "nothing to grow any more", 60)


class Unwritable(DiskTest):
    @needs_mounts
    def test_a_disk_that_became_read_only(self):
        cluster = self.new_cluster(workers=3, k=2, partitions=4)
        disk = self.disk_of(cluster, 1, 256 << 20)
        cluster.start()
        client, acknowledged = self.client_of(cluster), {}
        self.write_some(client, acknowledged, 200)
        cluster.kill_worker(1)
        disk.remount("ro")
        self.assertRefusesToStart(cluster, 1, str(cluster.data_of(1)), "ead-only file system")
        self.write_some(client, acknowledged, 200)
        disk.remount("rw")
        cluster.start_worker(1)
        cluster.wait_until_whole()
        self.assertHoldsWithout(cluster, client, acknowledged, without=2)


class Damaged(DiskTest):
    def start_and_kill(self, **settings):
        """A cluster with some writes, worker 1 killed. A copy of its folder lies beside it."""
        cluster = self.new_cluster(workers=3, k=2, partitions=4, **settings)
        cluster.start()
        client, acknowledged = self.client_of(cluster), {}
        self.assertEqual(set(self.write_some(client, acknowledged, 2000)), {"OK"})
        self.prepare_files(cluster)
        cluster.kill_worker(1)
        shutil.copytree(cluster.data_of(1), self.folder / "undamaged")
        return cluster, client, acknowledged

    def prepare_files(self, cluster):
        pass

    def put_back(self, cluster):
        shutil.rmtree(cluster.data_of(1))
        shutil.copytree(self.folder / "undamaged", cluster.data_of(1))

    def assertStopsUntilItIsPutBack(self, cluster, client, acknowledged, *words):
        self.assertRefusesToStart(cluster, 1, *words)
        self.assertEqual(set(self.write_some(client, acknowledged, 200)), {"OK"})
        self.assertHolds(client, acknowledged)
        self.put_back(cluster)
        cluster.start_worker(1)
        cluster.wait_until_whole()
        self.assertHoldsWithout(cluster, client, acknowledged, without=0)

    def assertHealsOnceThereIsAMajority(self, cluster, client, acknowledged):
        """Without its folder being put back; what was damaged is kept aside."""
        folder = cluster.data_of(1)
        shutil.rmtree(folder)
        shutil.copytree(self.folder / "damaged", folder)
        cluster.kill_worker(2)
        cluster.wait_for_state(2, "down")
        worker = cluster.start_worker(1, ("--heal",))
        worker.wait_for_output("cannot join yet: nobody leads partition 0", 30)
        self.assertTrue((folder / "damaged-1" / "log").is_dir(), "nothing is deleted")
        cluster.start_worker(2)
        cluster.wait_until_whole()
        wait_for(lambda: cluster.status()["moves_left"] == 0 and cluster.status()["under_replicated"] == 0, "the worker to be whole", 60)
        self.assertHoldsWithout(cluster, client, acknowledged, without=0)

    def test_a_bit_of_the_log(self):
        cluster, client, acknowledged = self.start_and_kill()
        segment, used = newest_segment(cluster.data_of(1))
        flip_bit(segment, used // 3)
        shutil.copytree(cluster.data_of(1), self.folder / "damaged")
        self.assertStopsUntilItIsPutBack(cluster, client, acknowledged, "damaged", segment.name, "put the file back")
        cluster.kill_worker(1)
        self.assertHealsOnceThereIsAMajority(cluster, client, acknowledged)

    def assertHealsOnceStarted(self, cluster, client, acknowledged, *words):
        """Refused as it is, with these words; then made good."""
        shutil.copytree(cluster.data_of(1), self.folder / "damaged")
        self.assertRefusesToStart(cluster, 1, *words)
        self.assertEqual(set(self.write_some(client, acknowledged, 200)), {"OK"})
        self.assertHealsOnceThereIsAMajority(cluster, client, acknowledged)

    def test_a_bit_of_the_maps_record(self):
        cluster, client, acknowledged = self.start_and_kill()
        segment, used = newest_segment(cluster.data_of(1))
        flip_bit(segment, newest_record(segment, used, b"M") + 16)
        self.assertHealsOnceStarted(cluster, client, acknowledged, "damaged", segment.name, "--heal")

    def test_a_file_of_the_log_that_is_gone(self):
        def make_files(cluster):
            with cluster.client() as client:
                for number in range(200):  # The first has 1 MiB, the next ones twice as much each.
                    self.assertOk(client.call("PUT", f"large{number}", b"x" * 50_000))
        self.prepare_files = make_files
        cluster, client, acknowledged = self.start_and_kill()
        oldest = written_segments(cluster.data_of(1))[0]
        oldest.unlink()
        self.assertHealsOnceStarted(cluster, client, acknowledged, "damaged", oldest.name, "the file is gone", "--heal")

    def test_all_files_of_the_log_are_gone(self):
        """What is left looks as if it never had been a worker's, but for its label; --join changes nothing."""
        cluster, client, acknowledged = self.start_and_kill()
        for segment in written_segments(cluster.data_of(1)):
            segment.unlink()
        words = ("is gone", "this folder is that of worker", f"of cluster {cluster.status()['cluster']}", "--heal")
        self.assertEndsSaying(cluster.start_worker(1, ("--join",)), *words)
        self.assertHealsOnceStarted(cluster, client, acknowledged, *words)

    def test_a_torn_end_of_the_log_is_what_a_power_cut_leaves(self):
        """What was being written when the power went was acknowledged by nobody."""
        cluster = self.new_cluster(workers=3, k=2, partitions=4)
        cluster.start()
        client, acknowledged = self.client_of(cluster), {}
        self.write_some(client, acknowledged, 500)
        wait_for(lambda: is_confirmed(cluster.data_of(1)), "the log's last batch to be confirmed")
        cluster.kill_worker(1)
        segment, used = newest_segment(cluster.data_of(1))
        with open(segment, "r+b") as file:
            file.seek(used - 2048)
            file.write(bytes(2048))
        cluster.start_worker(1).wait_for_output("is cut off")
        cluster.wait_until_whole()
        self.assertHoldsWithout(cluster, client, acknowledged, without=0)

    def test_a_folder_of_an_earlier_version_is_refused(self):
        cluster = self.new_cluster(workers=1, k=1, partitions=1)
        log = cluster.data_of(0) / "log"
        log.mkdir(parents=True)
        (log / "CURRENT").write_text("MANIFEST-000005\n")
        self.assertRefusesToStart(cluster, 0, "version 0.1", "trellis export", str(log))

    def test_a_log_that_is_deleted_under_its_worker(self):
        """No write fails, and nothing would be there at the next start: the worker stops before it promises much."""
        cluster = self.new_cluster(workers=3, k=2, partitions=4)
        cluster.start()
        client, acknowledged = self.client_of(cluster), {}
        self.write_some(client, acknowledged, 500)
        worker = cluster.workers[1]
        for file in (cluster.data_of(1) / "log").iterdir():
            file.unlink()
        self.assertEndsSaying(worker, "was deleted under this worker, which stops", seconds=60)
        self.assertEqual(set(self.write_some(client, acknowledged, 200)), {"OK"})
        self.assertHolds(client, acknowledged)

    def test_a_missing_log(self):
        """An emptied folder is another worker's: what it had promised is forgotten, so the cluster does not take it."""
        cluster = self.new_cluster(workers=3, k=2, partitions=4)
        cluster.start()
        client, acknowledged = self.client_of(cluster), {}
        self.write_some(client, acknowledged, 500)
        cluster.kill_worker(1)
        cluster.data_of(1).rename(self.folder / "undamaged")
        self.assertRefusesToStart(cluster, 1, "refused")
        self.put_back(cluster)
        cluster.start_worker(1)
        cluster.wait_until_whole()
        self.assertHoldsWithout(cluster, client, acknowledged, without=0)

    def test_a_bit_of_a_snapshot(self):
        def make_snapshots(cluster):
            with cluster.client() as client:
                for number in range(90):  # 64 MiB of log are one snapshot.
                    self.assertOk(client.call("PUT", f"large{number}", b"x" * (1 << 20)))
            wait_for(lambda: list(cluster.data_of(1).glob("snapshots/*")), "a snapshot", 30)
            wait_for(lambda: not list(cluster.data_of(1).glob("snapshots/*.part")), "it to be written", 30)
        self.prepare_files = make_snapshots
        self.new_cluster = lambda **settings: DiskTest.new_cluster(self, **{**settings, "partitions": 1})
        cluster, client, acknowledged = self.start_and_kill()
        snapshot = max(cluster.data_of(1).glob("snapshots/*"), key=lambda path: path.stat().st_size)
        flip_bit(snapshot, snapshot.stat().st_size // 2)
        self.assertRefusesToStart(cluster, 1, "snapshot")
        self.assertEqual(set(self.write_some(client, acknowledged, 200)), {"OK"})
        cluster.start_worker(1, ("--heal",)).wait_for_output("are in " + str(cluster.data_of(1) / "damaged-1"), 30)
        cluster.wait_until_whole()
        self.assertHoldsWithout(cluster, client, acknowledged, without=0)


class OlderCopy(DiskTest):
    """A folder that is put back as it was before: what its worker acknowledged since would be forgotten."""

    def test_it_is_refused_by_the_peer_that_knows_better_and_the_newest_folder_is_taken(self):
        cluster = self.new_cluster(workers=3, k=2, partitions=4)
        cluster.start()
        client, acknowledged = self.client_of(cluster), {}
        self.write_some(client, acknowledged, 100)
        cluster.kill_worker(0)
        folder, older, newest = cluster.data_of(0), self.folder / "older", self.folder / "newest"
        shutil.copytree(folder, older)
        cluster.start_worker(0)
        cluster.wait_until_whole()
        cluster.kill_worker(2)
        cluster.wait_for_state(2, "down")
        self.assertEqual(set(self.write_some(client, acknowledged, 2000)), {"OK"})
        cluster.kill_worker(0)
        folder.rename(newest)
        for _ in range(2):  # However often it is started.
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(older, folder)
            self.assertRefusesToStart(cluster, 0, "older copy", "Put the folder back as it was last")
        self.assertRefusesToStart(cluster, 0, "older copy")
        cluster.kill_worker(1)
        cluster.start_worker(2)
        cluster.wait_for_state(2, "up")
        self.assertNotIn("OK", self.write_some(client, {}, 20, timeout_ms=500))
        cluster.start_worker(1)
        wait_for(lambda: set(self.write_some(client, acknowledged, 20)) == {"OK"}, "the two that know all to serve")
        shutil.rmtree(folder)
        newest.rename(folder)
        cluster.start_worker(0)
        cluster.wait_until_whole()
        self.assertHoldsWithout(cluster, client, acknowledged, without=1)


if __name__ == "__main__":
    main()
