"""Service where all processes of a cluster are far from each other: what each says to another takes a while, one way.

    far_apart.py [--way SECONDS] [--seconds N]

Printed: how long it takes from the start until every partition has its leader for good, then for N seconds what becomes
of writes and linearizable reads by some clients (which are beside the broker), how long they take, and how often a
leader changes.
"""
import argparse
import pathlib
import tempfile
import threading
import time

from common import machine, percentile, remove_folder, wait_for
from support.network import Network, enter
from support.spread_cluster import SpreadCluster

CLIENTS = 8
SETTLED_AFTER = 25  # Seconds without a change of leader.


def leaders(cluster):
    return tuple(member["leads"] for member in cluster.members().values())


def settle(cluster):
    """Waits until leaders have stayed for a while; how long they took before that."""
    begun = changed = time.monotonic()
    last = None

    def has_settled():
        nonlocal last, changed
        seen = leaders(cluster)
        if seen != last:
            last, changed = seen, time.monotonic()
        return sum(seen) == cluster.partitions and time.monotonic() - changed > SETTLED_AFTER
    wait_for(has_settled, "leaders that stay", 300, every=0.2)
    return changed - begun


def work(cluster, number, until, took, failed):
    with cluster.client() as client:
        turn = 0
        while time.monotonic() < until:
            turn += 1
            key = f"key{number}.{turn % 50}"
            for command, *arguments in (("PUT", key, turn), ("GET", key)):
                begun = time.monotonic()
                reply = client.call(command, *arguments)
                took[command].append(time.monotonic() - begun)
                if reply.status != "OK" or (command == "GET" and reply.result != turn):
                    failed.append((command, reply))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--way", type=float, default=0.5)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    enter()
    print("machine before:", machine(), flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="trellis-bench-"))
    cluster = SpreadCluster(folder, Network(), workers=3, k=2, partitions=8)
    delays = cluster.start_far(options.way)
    try:
        print(f"{options.way * 1000:g} ms each way: settled after {settle(cluster):.1f} s", flush=True)
        before, changes = leaders(cluster), 0
        took, failed = {"PUT": [], "GET": []}, []
        until = time.monotonic() + options.seconds
        threads = [threading.Thread(target=work, args=(cluster, number, until, took, failed)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            now = leaders(cluster)
            changes += now != before
            before = now
            time.sleep(0.2)
        for command, times in took.items():
            print(f"{len(times)} {command}s: median {percentile(times, 0.5):.2f} s, longest {max(times):.2f} s")
        print(f"{len(failed)} failed, {changes} changes of leaders, STATUS guaranteed: {cluster.status()['guaranteed']}")
        for command, reply in failed[:5]:
            print(f"  {command}: {reply.status} {reply.message}")
    finally:
        delays.stop()
        cluster.stop()
        remove_folder(folder)
    print("machine after:", machine())


if __name__ == "__main__":
    main()
