"""Time without service after a cut has ended, in a network of namespaces: a broker that was cut off from all workers,
and a worker that was cut off from everybody while its peers could not do without it.

    coming_back.py [--broker SECONDS] [--worker SECONDS] [--runs N]
"""
import argparse
import pathlib
import tempfile
import time

from common import machine, remove_folder, wait_for
from support.network import Network, enter
from support.spread_cluster import SpreadCluster


def until(condition, what):
    """Seconds until it holds."""
    begun = time.monotonic()
    wait_for(condition, what, 120, every=0.01)
    return time.monotonic() - begun


def stay_cut(seconds):
    end = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() >= end, "the end of the cut", seconds + 5)


def serves(cluster, turn):
    with cluster.client() as client:
        return client.call("PUT", f"key{turn}", turn, timeout_ms=300).status == "OK"


def broker_cut(cluster, seconds):
    """The only broker hears of no worker; afterwards a write is answered."""
    workers = [f"worker-{number}" for number in range(3)]
    cluster.cut("broker-0", *workers)
    stay_cut(seconds)
    cluster.heal("broker-0", *workers)
    return until(lambda: serves(cluster, 1), "a write after the cut")


def worker_cut(cluster, seconds):
    """A worker hears of nobody, and one of the two others is killed: from the end of the cut on a majority is there."""
    everyone = ["broker-0", "worker-1", "worker-2"]
    cluster.cut("worker-0", *everyone)
    stay_cut(seconds)
    cluster.kill_worker(1)
    cluster.wait_for_state(1, "down")
    cluster.heal("worker-0", *everyone)
    back = until(lambda: serves(cluster, 2), "a write after the cut")
    cluster.start_worker(1)
    cluster.wait_until_whole()
    return back


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--broker", type=float, default=41)
    parser.add_argument("--worker", type=float, default=25)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    enter()
    network = Network()
    print("machine before:", machine(), flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="trellis-bench-"))
    cluster = SpreadCluster(folder, network, workers=3, k=2, partitions=1)
    try:
        cluster.start()
        for name, cut, seconds in (("broker", broker_cut, options.broker), ("worker", worker_cut, options.worker)):
            took = [cut(cluster, seconds) for _ in range(options.runs)]
            print(f"{name} cut off for {seconds:g} s: served again after {', '.join(f'{each:.2f}' for each in took)} s",
                  flush=True)
    finally:
        cluster.stop()
        remove_folder(folder)
    print("machine after:", machine())


if __name__ == "__main__":
    main()
