"""What a paused or slow worker does to the others' latency: clients write and read keys of all partitions, each waiting
for its reply, while one of three workers runs, is stopped (SIGSTOP), or gets a fifth of the time.

    slow_worker.py [--seconds S] [--clients N]
"""
import argparse
import threading
import time

from common import cluster_of, machine, percentile, wait_for


class Load:
    """Clients in threads, each with one request under way; PUT and GET in turn."""

    def __init__(self, cluster, clients, seconds):
        self.latencies = {"PUT": [], "GET": []}
        self.failed = 0
        self._end = time.monotonic() + seconds
        threads = [threading.Thread(target=self._run, args=(cluster, number), daemon=True) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _run(self, cluster, number):
        with cluster.client() as client:
            turn = 0
            while time.monotonic() < self._end:
                turn += 1
                key = f"key{(turn * 31 + number * 7) % 1000}"
                for command, arguments in (("PUT", (key, "x" * 100)), ("GET", (key,))):
                    begin = time.monotonic()
                    reply = client.call(command, *arguments, timeout_ms=20_000, wait=40)
                    self.latencies[command].append(time.monotonic() - begin)
                    self.failed += reply.status != "OK"

    def __str__(self):
        return "; ".join(f"{command} {len(times)}, p50 {1000 * percentile(times, 0.5):.1f} ms, p99 {1000 * percentile(times, 0.99):.1f} ms, "
                         f"longest {1000 * max(times):.0f} ms" for command, times in self.latencies.items()) + f"; {self.failed} failed"


class Slowed(threading.Thread):
    """Lets a process run `share` of the time, in turns of 50 ms, until it is stopped."""

    def __init__(self, process, share):
        super().__init__(daemon=True)
        self._process, self._share, self._stopping = process, share, threading.Event()

    def run(self):
        while not self._stopping.wait(0.05 * self._share):
            self._process.pause()
            self._stopping.wait(0.05 * (1 - self._share))
            self._process.resume()
        self._process.resume()

    def stop(self):
        self._stopping.set()
        self.join()


def settle(cluster):
    cluster.wait_until_whole(seconds=60)
    wait_for(lambda: min(member["leads"] for member in cluster.members().values()) >= 4, "leaders to be spread", 60)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    print("machine before:", machine(), flush=True)
    with cluster_of(workers=3, k=2, partitions=16) as cluster:
        settle(cluster)
        print("all run:", Load(cluster, options.clients, options.seconds), flush=True)
        cluster.workers[1].pause()
        print("one stopped, from the moment of it:", Load(cluster, options.clients, options.seconds), flush=True)
        print("one stopped, afterwards:", Load(cluster, options.clients, options.seconds), flush=True)
        cluster.workers[1].resume()
        settle(cluster)
        slowed = Slowed(cluster.workers[1], 0.2)
        slowed.start()
        print("one gets a fifth of the time:", Load(cluster, options.clients, options.seconds), flush=True)
        slowed.stop()
        settle(cluster)
        print("all run again:", Load(cluster, options.clients, options.seconds), flush=True)
    print("machine after:", machine())


if __name__ == "__main__":
    main()
