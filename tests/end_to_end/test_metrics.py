"""/metrics of broker, worker and gateway, read by Debian's python3-prometheus-client: conventions, and that they count."""
import re
import socket
import time
import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from support import EndToEndTest, Process, free_ports, main, run, wait_for
from support.gateway import Gateway
from support.processes import ROOT, is_listening

NAME = re.compile(r"(trellis_(broker|worker|gateway|build)|process)_[a-z0-9_]+")


class Metrics(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.cluster = self.start_cluster(workers=3, k=2, partitions=4)
        self.gateway = Gateway(self.cluster)
        self.addCleanup(self.gateway.stop)

    def read(self, port):
        """Sample values by (name, labels)."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
            text = answer.read().decode()
        families = list(text_string_to_metric_families(text))
        self.assertEqual(len(families), len({family.name for family in families}), "each family once")
        samples = {}
        for family in families:
            self.assertRegex(family.name, NAME)
            self.assertTrue(family.documentation)
            self.assertIn(family.type, ("counter", "gauge", "histogram"))
            if family.type == "counter":
                self.assertIn(f"# TYPE {family.name}_total counter", text)
            for sample in family.samples:
                self.assertNotIn("secret.key", str(sample))
                samples[(sample.name, tuple(sorted(sample.labels.items())))] = sample.value
        return samples

    def start_with_metrics(self, restart):
        port = free_ports(1)[0]
        restart(("--metrics", port))
        return port

    def test_the_gateway(self):
        self.gateway.put("/v1/keys/secret.key", 1)
        self.gateway.get("/v1/keys/secret.key")
        samples = self.read(self.gateway.port)
        route = ("route", "/v1/keys/{key}")
        self.assertEqual(samples["trellis_gateway_requests_total", (("method", "PUT"), route, ("status", "201"))], 1)
        self.assertEqual(samples["trellis_gateway_request_duration_seconds_count", (route,)], 2)
        self.assertGreater(samples["process_resident_memory_bytes", ()], 1 << 20)

    def test_the_broker(self):
        self.cluster.brokers[0].stop()
        port = self.start_with_metrics(lambda flags: self.cluster.start_broker(flags=flags))
        self.cluster.wait_until_whole()
        client = self.client_of(self.cluster)
        self.assertOk(client.call("PUT", "secret.key", 1))
        self.assertError(client.call("GET", "nobody"), "NOT_FOUND")
        samples = self.counted(port, ("trellis_broker_requests_total", (("command", "GET"), ("status", "NOT_FOUND"))), 1)
        self.assertEqual(samples["trellis_broker_requests_total", (("command", "PUT"), ("status", "OK"))], 1)
        self.assertEqual(samples["trellis_broker_request_duration_seconds_count", (("command", "PUT"),)], 1)
        self.assertLess(samples["trellis_broker_request_duration_seconds_sum", (("command", "PUT"),)], 5)
        self.assertEqual(samples["trellis_broker_workers", (("state", "up"),)], 3)
        for number in range(3):
            worker = (("worker", self.cluster.address_of(number)),)
            self.assertLess(samples["trellis_broker_worker_heartbeat_age_seconds", worker], 1.5)
        members = {name: samples["trellis_broker_members", (("membership", name),)]
                   for name in ("joining", "member", "leaving", "given_up")}
        self.assertEqual(members, {"joining": 0, "member": 3, "leaving": 0, "given_up": 0})
        self.assertEqual(samples["trellis_broker_recoveries_total", ()], 0)

    def test_a_worker(self):
        self.cluster.workers[0].stop()
        port = self.start_with_metrics(self.restart_worker)
        self.cluster.wait_until_whole()
        client = self.client_of(self.cluster)
        for i in range(20):
            self.assertOk(client.call("PUT", f"secret.key{i}", i))
        samples = self.counted(port, ("trellis_worker_keys", ()), 20)
        self.assertGreater(samples["trellis_worker_bytes", ()], 20)
        self.assertEqual(samples["trellis_worker_replicas_made_total", ()], 0)
        self.assertEqual(samples["trellis_worker_damages_kept", ()], 0)
        self.assertGreater(samples["trellis_worker_log_sync_duration_seconds_count", ()], 0)
        self.assertEqual(samples["trellis_worker_disk_full_in_seconds", ()], float("inf"), "nothing grows for a minute")
        self.assertGreaterEqual(samples["trellis_worker_log_bound_bytes", ()], 4 << 30)
        self.assertGreaterEqual(samples["trellis_worker_entries_applied_total", ()], 20)
        self.assertIn(("trellis_worker_apply_lag_entries", (("partition", "3"),)), samples)
        self.assertGreater(samples["trellis_worker_log_batch_entries_sum", ()], 0)
        self.assertGreater(samples["trellis_worker_log_batch_partitions_count", ()], 0)
        parts = {part: samples["trellis_worker_memory_bytes", (("part", part),)]
                 for part in ("documents", "sessions", "entries", "log", "allocator", "program")}
        self.assertTrue(all(parts.values()), parts)
        self.assertLess(sum(parts.values()), samples["process_resident_memory_bytes", ()] * 1.02, parts)

    def test_a_followers_lag_is_told_by_its_leader(self):
        for number in range(3):
            self.cluster.workers[number].stop()
        ports = free_ports(3)
        for number in range(3):
            self.cluster.start_worker(number, ("--metrics", ports[number]))
        self.cluster.wait_until_whole()
        self.cluster.kill_worker(2)
        client = self.client_of(self.cluster)
        for i in range(20):
            self.assertOk(client.call("PUT", f"secret.key{i}", i))

        def lags(name):
            """Of the killed worker, over all leaders."""
            follower = ("follower", self.cluster.address_of(2))
            return [value for port in ports[:2] for key, value in self.read(port).items()
                    if key[0] == name and follower in key[1]]
        wait_for(lambda: sum(lags("trellis_worker_replication_lag_entries")) >= 20, "its lag in entries", 30)
        wait_for(lambda: max(lags("trellis_worker_replication_lag_seconds")) > 1, "its lag in seconds", 30)
        load = self.gateway.get("/v1/members?load=true").json
        lagging = {member["address"]: member["lag_entries"] for member in load}
        self.assertGreaterEqual(lagging[self.cluster.address_of(2)], 20)
        self.cluster.start_worker(2)
        wait_for(lambda: sum(lags("trellis_worker_replication_lag_entries")) == 0, "it to catch up", 60)

    def test_slow_connections_hold_nobody_up(self):
        self.cluster.brokers[0].stop()
        port = self.start_with_metrics(lambda flags: self.cluster.start_broker(flags=flags))
        wait_for(lambda: is_listening(port) and self.read(port), "the broker's first metrics")
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        self.addCleanup(lambda: [connection.close() for connection in slow])
        for connection in slow[::2]:
            connection.sendall(b"GET /metr")
        begun = time.monotonic()
        self.assertTrue(self.read(port))
        self.assertLess(time.monotonic() - begun, 2, "beside twenty connections that say nothing")

        def are_closed():
            try:
                return [connection.recv(65536) for connection in slow]
            except ConnectionError:
                return True
            except BlockingIOError:
                return False
        for connection in slow:
            connection.setblocking(False)
        wait_for(are_closed, "the slow ones to be closed", 30)

    def test_the_page_of_metrics_lists_each_and_no_other(self):
        described = set(re.findall(r"`((?:trellis|process)_[a-z_]+)`", (ROOT / "docs" / "monitoring.md").read_text()))
        self.cluster.brokers[0].stop()
        broker = self.start_with_metrics(lambda flags: self.cluster.start_broker(flags=flags))
        self.cluster.workers[0].stop()
        worker = self.start_with_metrics(self.restart_worker)
        self.cluster.wait_until_whole()
        exposed = set()
        for port in (broker, worker, self.gateway.port):
            def families():
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                        return re.findall(r"^# TYPE (\S+)", answer.read().decode(), re.MULTILINE)
                except urllib.error.URLError:  # The program has not opened the port yet.
                    return []
            exposed.update(wait_for(families, "metrics"))
        self.assertEqual(exposed, described)

    def restart_worker(self, flags):
        backends = [flag for backend in self.cluster.backends for flag in ("-b", backend)]
        self.cluster.workers[0] = Process(
            "trellis-worker", "-a", "127.0.0.1", "-p", self.cluster.ports[0], *backends, "--data", self.cluster.data_of(0),
            *flags, log=self.cluster.folder / "worker-0-again.log")

    def counted(self, port, name, value):
        """What is published once `name` has this value."""
        def there():
            samples = self.read(port)
            return samples if samples.get(name) == value else None
        return wait_for(there, f"{name} to be {value}", 10)

    def test_a_port_in_use_is_told(self):
        ran = run("trellis-broker", "--frontend", f"127.0.0.1:{free_ports(1)[0]}", "--backend",
                  f"127.0.0.1:{free_ports(1)[0]}", "--metrics", self.gateway.port)
        self.assertRan(ran, 1, "")
        self.assertOneLine(ran.err, "metrics", self.gateway.port)


if __name__ == "__main__":
    main()
