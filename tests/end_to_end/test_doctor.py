"""`trellis doctor` and `trellis ready`: silent on a healthy cluster, and each trouble with its exit code."""
import json

from support import EndToEndTest, free_ports, main, run, wait_for


class Doctor(EndToEndTest):
    def doctor(self, cluster, *flags, brokers=None):
        endpoints = [flag for frontend in brokers or cluster.frontends for flag in ("-b", frontend)]
        return run("trellis", "doctor", *endpoints, *flags)

    def awaits(self, cluster, code, *flags, told="^", brokers=None):
        """The doctor ends so and says so, in the end: brokers count a worker as down after 1.5 s, and elections take their
        time."""
        def ends():
            ran = self.doctor(cluster, *flags, brokers=brokers)
            self.assertEqual(ran.code, code, ran)
            self.assertRegex(ran.out, told)
            return ran
        return wait_for(ends, f"exit code {code} and {told!r}", seconds=60)

    def is_ready(self, cluster):
        self.assertRan(run("trellis", "-b", cluster.frontend, "ready", "--wait", 30), 0, out="", err="")

    def test_it_tells_what_fails_and_nothing_of_a_healthy_cluster(self):
        cluster = self.start_cluster(workers=3, k=2, brokers=2)
        self.assertRan(self.doctor(cluster), 0, out="", err="")  # Leaders are still on their way, which is no trouble.
        self.assertRan(self.awaits(cluster, 0, "--json"), 0, out="[]\n", err="")
        self.is_ready(cluster)

        cluster.kill_worker(2)
        address = cluster.address_of(2)
        self.awaits(cluster, 1, told=rf"WARNING worker {address}: it is down; 1 of 3 are, and 1 may be \(for \d+\.\d s\)\. Start ")
        self.awaits(cluster, 1, told=r"WARNING partitions 0, 1, .* and 8 more: 2 of 3 replicas are up\.")
        found = {finding["where"]: finding for finding in json.loads(self.awaits(cluster, 1, "--json", told="it is down").out)}
        self.assertGreater(found[f"worker {address}"]["since_ms"], 1000)
        self.is_ready(cluster)

        cluster.kill_broker(1)
        self.awaits(cluster, 1, told=rf"WARNING broker {cluster.frontends[1]}: it does not answer: ")

        cluster.kill_worker(1)
        self.awaits(cluster, 2, told=r"FAULT partitions .*: 1 of 3 replicas are up, which is no majority", brokers=cluster.frontends[:1])
        not_ready = wait_for(lambda: (ran := run("trellis", "-b", cluster.frontend, "ready")).code == 3 and ran, "not ready")
        self.assertRegex(not_ready.err, r"^trellis: not ready: \d+ of 16 partitions do not serve\n$")

        cluster.start_worker(1)
        cluster.start_worker(2)
        self.is_ready(cluster)
        self.awaits(cluster, 0, brokers=cluster.frontends[:1])

    def test_it_reads_metrics_where_they_are_served(self):
        served, silent = free_ports(2)
        cluster = self.start_cluster(workers=1, k=1)
        cluster.kill_worker(0)
        cluster.start_worker(0, flags=("--metrics", served))
        cluster.wait_until_whole()
        self.awaits(cluster, 0, "--metrics", f"127.0.0.1:{served}")
        ran = self.awaits(cluster, 1, "--metrics", f"127.0.0.1:{served}", "--metrics", f"127.0.0.1:{silent}")
        self.assertOneLine(ran.out, f"WARNING process at 127.0.0.1:{silent}: its metrics cannot be read: nothing listens there")

    def test_it_reads_the_folder_of_a_stopped_worker(self):
        cluster = self.start_cluster(workers=1, k=1, partitions=1)
        client = self.client_of(cluster)
        for number in range(150):
            self.assertOk(client.call("PUT", f"key:{number % 10}", {"n": number, "text": "x" * 100_000}))
        snapshots = cluster.data_of(0) / "snapshots"
        # A group at rest makes one, since its log is larger than its documents and what followers may want of it.
        wait_for(lambda: len([name for name in snapshots.iterdir() if name.suffix != ".part"]) == 1, "a snapshot", 60)
        ran = run("trellis", "doctor", "--data", cluster.data_of(0))
        self.assertRan(ran, 1, out="")
        self.assertOneLine(ran.err, "another worker uses this folder")
        cluster.kill_worker(0)
        ran = run("trellis", "doctor", "--data", cluster.data_of(0))
        self.assertRan(ran, 0, out="")
        self.assertRegex(ran.err, r"^whole: \d+ entries of 1 partitions, and 1 snapshots with 10 documents\n$")
        snapshot = sorted(snapshots.iterdir())[0]
        good = snapshot.read_bytes()
        snapshot.write_bytes(good[:-100] + bytes([good[-100] ^ 1]) + good[-99:])
        ran = run("trellis", "doctor", "--data", cluster.data_of(0))
        self.assertRan(ran, 2)
        self.assertOneLine(ran.out, snapshot.name, "partition", "put the folder back")
        snapshot.write_bytes(good)
        log = min((cluster.data_of(0) / "log").glob("*.log"))
        with open(log, "r+b") as file:
            byte = file.read(1)
            file.seek(0)
            file.write(bytes([byte[0] ^ 1]))
        ran = run("trellis", "doctor", "--data", cluster.data_of(0))
        self.assertRan(ran, 2)
        self.assertOneLine(ran.out, log.name, "at byte 0")
        ran = run("trellis", "doctor", "--data", self.folder)
        self.assertRan(ran, 1, out="")
        self.assertOneLine(ran.err, "no worker's folder")

    def test_without_a_broker_nothing_is_ready(self):
        port, = free_ports(1)
        ran = run("trellis", "-b", f"127.0.0.1:{port}", "ready")
        self.assertRan(ran, 3, out="")
        self.assertOneLine(ran.err, "not ready: no broker listens")
        ran = run("trellis", "-b", f"127.0.0.1:{port}", "doctor")
        self.assertRan(ran, 2, err="")
        self.assertOneLine(ran.out, f"FAULT broker 127.0.0.1:{port}: it does not answer")


if __name__ == "__main__":
    main()
