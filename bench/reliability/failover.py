"""Time without service after the death of a leader: one client writes to one partition without a pause, its leader is
killed with SIGKILL, and the longest time between two acknowledged writes around the kill counts.

    failover.py [--kills N]
"""
import argparse
import threading
import time

from common import cluster_of, machine, percentile, wait_for


class Writer(threading.Thread):
    """Writes one after another, and notes when each was acknowledged."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.acknowledged = [time.monotonic()]
        self.others = []
        self._client = cluster.client()
        self._stopping = False

    def run(self):
        number = 0
        while not self._stopping:
            number += 1
            reply = self._client.call("PUT", f"key{number % 100}", number, timeout_ms=30_000, wait=60)
            if reply.status == "OK":
                self.acknowledged.append(time.monotonic())
            else:
                self.others.append(reply)

    def stop(self):
        self._stopping = True
        self.join()


def gap_around(killed, acknowledged):
    """The longest stretch without an acknowledged write that ends after `killed`."""
    before = max(at for at in range(len(acknowledged)) if acknowledged[at] <= killed)
    times = acknowledged[before:]
    return max(later - earlier for earlier, later in zip(times, times[1:]))


def one_kill(cluster, writer):
    leader = cluster.leader_of("key1")
    cluster.kill_worker(leader)
    killed = time.monotonic()
    # Two seconds past the first write of the new leader, so that a relapse counts as well.
    wait_for(lambda: writer.acknowledged[-1] > killed + 2, "writes after the kill", 60)
    gap = gap_around(killed, writer.acknowledged[:])
    cluster.start_worker(leader)
    level_after_restart(cluster)
    return gap


def level_after_restart(cluster):
    """Waits until every worker holds every key again and acknowledges what is written: the next kill may meet any of
    them. One that has just started reads all keys from its own log, and takes part once its peers have told it what
    they know (docs/design.md, Older copies). To the leader it has been behind since it was killed, until then."""
    def level():
        with cluster.client() as client:
            members = client.call("MEMBERS", load=True).result
        return len(members) == len(cluster.workers) and len({member["keys"] for member in members}) == 1 and all(
            member["state"] == "up" and member["lag_ms"] < 100 for member in members)
    try:
        wait_for(level, "the restarted worker to be level", 60, every=0.1)
    except AssertionError as late:
        raise AssertionError(f"{late}\n{cluster.members()}\n{cluster.tails()}") from None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    kills = parser.parse_args().kills
    print("machine before:", machine(), flush=True)
    with cluster_of(workers=3, k=2, partitions=1) as cluster:
        writer = Writer(cluster)
        writer.start()
        wait_for(lambda: len(writer.acknowledged) > 500, "the first writes")
        gaps = []
        for number in range(kills):
            gaps.append(one_kill(cluster, writer))
            if (number + 1) % 20 == 0:
                print(f"{number + 1} kills: {describe(gaps)}", flush=True)
        writer.stop()
        print(f"{len(gaps)} kills of a leader: {describe(gaps)}; {len(writer.acknowledged)} writes acknowledged, "
              f"{len(writer.others)} not")
    print("machine after:", machine())


def describe(gaps):
    return (f"median {percentile(gaps, 0.5):.2f} s, 99th percentile {percentile(gaps, 0.99):.2f} s, "
            f"shortest {min(gaps):.2f} s, longest {max(gaps):.2f} s")


if __name__ == "__main__":
    main()
