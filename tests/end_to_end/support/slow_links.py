"""A cluster on slow or lossy links, and traffic that checks itself."""
import collections
import random
import threading
import time

from .client import Client
from .spread_cluster import SpreadCluster
from .waiting import wait_for

MIB = 1 << 20
_TIMEOUT_MS = 120_000


class SlowCluster(SpreadCluster):
    """Three workers and a broker on hosts of their own, and what each of them may send in a second."""

    names = ("worker-0", "worker-1", "worker-2", "broker-0")

    def limit(self, rate, *names):
        """Bytes a second that each of these processes sends, or all of them."""
        for name in names or self.names:
            self._network.limit(self.host(name), rate)

    def lose(self, share):
        """So much of what is sent to anybody gets lost."""
        for name in self.names:
            self._network.lose(self.host(name), share)

    def cut_off(self, number):
        """Nothing goes between this worker and anybody else."""
        self.cut(f"worker-{number}", *(name for name in self.names if name != f"worker-{number}"))

    def take_back(self, number):
        self.heal(f"worker-{number}", *(name for name in self.names if name != f"worker-{number}"))

    def leads(self):
        """How many partitions each worker leads, or nothing while one of them has no leader."""
        leads = [member["leads"] for member in self.members().values()]
        return leads if sum(leads) == self.partitions else None

    def settle(self, seconds=4):
        """Waits until nobody has handed over anything for a while."""
        seen, since = None, time.monotonic()

        def has_settled():
            nonlocal seen, since
            leads = self.leads()
            if leads != seen:
                seen, since = leads, time.monotonic()
            return leads and time.monotonic() - since > seconds
        wait_for(has_settled, "leaders that stay", 60, every=0.2)


def document(size, seed):
    """A document of about `size` bytes that cannot be compressed, and that no other seed has."""
    return {"seed": seed, "bytes": random.Random(seed).randbytes(size)}


class _Leaders(threading.Thread):
    """Looks twice a second who leads what, and keeps how often that changed."""

    def __init__(self, frontend, keys):
        super().__init__(daemon=True)
        self._frontend, self._keys = frontend, keys
        self._ends = threading.Event()
        self.changes = collections.Counter()
        self.slowest = 0.0

    def run(self):
        seen = {}
        with Client(self._frontend) as client:
            while not self._ends.wait(0.5):
                for key in self._keys:
                    begun = time.monotonic()
                    try:
                        where = client.call("LOCATE", key, wait=20).result
                    except AssertionError:
                        continue
                    finally:
                        self.slowest = max(self.slowest, time.monotonic() - begun)
                    if where["leader"] is None:
                        continue
                    if seen.setdefault(key, where["leader"]) != where["leader"]:
                        self.changes[key] += 1
                        seen[key] = where["leader"]

    def stop(self):
        self._ends.set()
        self.join()


class MixedTraffic:
    """Clients that write documents of 1 KB to 4 MB and read back what they wrote: each has keys of its own, so it knows
    what is there. A read that shows anything else is kept in `wrong`."""

    def __init__(self, frontend, clients=4, keys=6, seed=1, largest=4_000_000):
        self._frontend, self._keys, self._largest = frontend, keys, largest
        self._seeds = [seed * 1000 + number for number in range(clients)]
        self._ends = threading.Event()
        self._lock = threading.Lock()
        self.bytes = 0
        self.calls = 0
        self.refused = collections.Counter()
        self.wrong = []
        self.answered_at = []
        self._threads = [threading.Thread(target=self._run, args=(each,), daemon=True) for each in self._seeds]
        for thread in self._threads:
            thread.start()

    def wait_until(self, total, seconds):
        """Until so many bytes of documents were written or read."""
        wait_for(lambda: self.wrong or self.bytes >= total, f"{total} bytes of traffic (there were {self.bytes})", seconds, 0.2)

    def stop(self):
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def _run(self, seed):
        draw = random.Random(seed)
        known = {}  # By key: the seeds of the documents that may be there, the last acknowledged alone where it was.
        with Client(self._frontend) as client:
            while not self._ends.is_set():
                key = f"client-{seed}-{draw.randrange(self._keys)}"
                if key in known and draw.random() < 0.5:
                    self._read(client, key, known)
                else:
                    self._write(client, key, known, draw)

    def _write(self, client, key, known, draw):
        size = min(self._largest, draw.choice((1_000, 5_000, 20_000, 20_000, 100_000, 300_000, 1_000_000, 4_000_000)))
        made = draw.getrandbits(60)
        reply = client.call("PUT", key, document(size, made), timeout_ms=_TIMEOUT_MS, wait=_TIMEOUT_MS / 1000 + 10)
        known[key] = {made} if reply.status == "OK" else known.get(key, {None}) | {made}
        self._count(reply, size)

    def _read(self, client, key, known):
        reply = client.call("GET", key, timeout_ms=_TIMEOUT_MS, wait=_TIMEOUT_MS / 1000 + 10)
        if reply.status not in ("OK", "NOT_FOUND"):
            return self._count(reply, 0)
        seen = reply.result["seed"] if reply.status == "OK" else None
        is_whole = seen is None or reply.result == document(len(reply.result["bytes"]), seen)
        if seen not in known[key] or not is_whole:
            self.wrong.append(f"{key} shows {seen} (whole: {is_whole}), it should be one of {known[key]}")
        self._count(reply, len(reply.result["bytes"]) if seen is not None else 0)

    def _count(self, reply, size):
        with self._lock:
            self.calls += 1
            self.bytes += size
            if reply.status in ("OK", "NOT_FOUND"):
                self.answered_at.append(time.monotonic())
            else:
                self.refused[reply.status] += 1

    def longest_pause(self, begin, end):
        """The longest time between two answers."""
        times = [begin, *(at for at in sorted(self.answered_at) if begin <= at <= end), end]
        return max(later - earlier for earlier, later in zip(times, times[1:]))


def watch_leaders(cluster, keys):
    leaders = _Leaders(cluster.frontend, keys)
    leaders.start()
    return leaders
