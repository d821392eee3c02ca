#!/usr/bin/env python3
"""Slow, far and lossy links between all processes: mixed traffic, cuts, large documents, snapshots.

    slow_links.py rate [--rate BYTES] [--megabytes N]   each process sends so many bytes a second
    slow_links.py far [--way SECONDS] [--megabytes N]   what one process says to another takes so long, one way
    slow_links.py loss [--share SHARE] [--megabytes N] [--election-timeout MS]
                                                        so much of all packets is lost
    slow_links.py large                                 documents of 14 MiB: PUT at 2 MB/s, GET at 5, both at 20
    slow_links.py snapshots [--rate BYTES]              a worker comes back for 4 snapshots of 10 MB
    slow_links.py install                               a worker comes back for 500 MB in 16 partitions

Three workers and a broker, each in a network namespace of its own; the client is beside the broker. The first three
write and read back documents of 1 KB to 4 MB, with a cut of 10 s for each worker at the end. Needs to be allowed to make
namespaces; a rate needs the kernel's queue `tbf`, a loss iptables.
"""
import argparse
import collections
import pathlib
import sys
import tempfile
import threading
import time

from common import machine, remove_folder, wait_for
from support.client import Client
from support.network import Network, enter
from support.slow_links import MIB, MixedTraffic, SlowCluster, document, watch_leaders

_KEYS = [f"key-{number}" for number in range(16)]
_CUT_FOR = 10


class _PatientCluster(SlowCluster):
    """Whose workers wait so many milliseconds at least for their leader's word."""
    election_timeout = 500

    def start_worker(self, number, flags=()):
        super().start_worker(number, (*flags, "--election-timeout", str(self.election_timeout)))


def say(line):
    print(line, flush=True)


def stay(seconds):
    end = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() >= end, "the time to pass", seconds + 5)


def mixed(cluster, options):
    cluster.settle(20)
    if options.case == "rate":
        cluster.limit(options.rate)
    if options.case == "loss":
        cluster.lose(options.share)
    leaders = watch_leaders(cluster, _KEYS)
    begin = time.monotonic()
    traffic = MixedTraffic(cluster.frontend)
    traffic.wait_until(options.megabytes * 1_000_000, options.megabytes * 10 + 60)
    leaders.stop()
    say(f"{traffic.bytes / 1e6:.0f} MB in {traffic.calls} calls: {time.monotonic() - begin:.0f} s, {len(traffic.wrong)} wrong, "
        f"refused {dict(traffic.refused)}, leader changed {sum(leaders.changes.values())} times, "
        f"slowest LOCATE {leaders.slowest:.2f} s")
    traffic.stop()
    wrong = traffic.wrong
    # A forwarder's way is no way of the network's: nothing can be cut there.
    for number in range(3 if options.case != "far" else 0):
        wrong = wrong + cut(cluster, number)
    return not wrong


def cut(cluster, number):
    """Documents of up to 20 KB, so that what takes long is the cut."""
    traffic = MixedTraffic(cluster.frontend, seed=10 + number, largest=20_000)
    stay(5)
    cut_at = time.monotonic()
    cluster.cut_off(number)
    stay(_CUT_FOR)
    cluster.take_back(number)
    healed = time.monotonic()
    stay(10)
    traffic.stop()
    say(f"worker {number} cut off for {_CUT_FOR} s: at most {traffic.longest_pause(cut_at, healed):.1f} s without an answer during "
        f"it, {traffic.longest_pause(healed, healed + 10):.1f} s in the 10 s after, {len(traffic.wrong)} wrong, "
        f"refused {dict(traffic.refused)}")
    return traffic.wrong


class Beside:
    """Small writes and reads, one after the other, of a key in each partition; and the longest of each."""

    def __init__(self, frontend, keys):
        self._frontend, self._ends = frontend, threading.Event()
        self.longest = collections.Counter()
        self._threads = [threading.Thread(target=self._run, args=each) for each in keys.items()]
        for thread in self._threads:
            thread.start()

    def _run(self, partition, key):
        with Client(self._frontend) as client:
            while not self._ends.is_set():
                for command, *arguments in (("PUT", key, 1), ("GET", key)):
                    begin = time.monotonic()
                    reply = client.call(command, *arguments, timeout_ms=60_000, wait=70)
                    assert reply.status == "OK", reply
                    self.longest[partition, command] = max(self.longest[partition, command], time.monotonic() - begin)

    def stop(self, partition):
        """The longest write and read in other partitions than this one, and in this one."""
        self._ends.set()
        for thread in self._threads:
            thread.join()
        return [max(took for (where, what), took in self.longest.items() if what == command and (where == partition) == is_own)
                for is_own in (False, True) for command in ("PUT", "GET")]


def large(cluster, _):
    cluster.settle(20)
    leaders = watch_leaders(cluster, _KEYS)
    value = document(14 * MIB, 1)
    with Client(cluster.frontend) as client:
        partition_of = {key: client.call("LOCATE", key).result["partition"] for key in [*_KEYS, "large"]}
        keys = {partition_of[key]: key for key in _KEYS}
        for command, rate in (("PUT", 2_000_000), ("GET", 5_000_000), ("PUT", 20_000_000), ("GET", 20_000_000)):
            cluster.limit(100_000_000)
            cluster.limit(rate, *(cluster.names[:-1] if command == "PUT" else cluster.names))
            beside = Beside(cluster.frontend, keys)
            begin = time.monotonic()
            arguments = ("large", value) if command == "PUT" else ("large",)
            reply = client.call(command, *arguments, timeout_ms=100_000, wait=120)
            took = time.monotonic() - begin
            put, get, own_put, own_get = beside.stop(partition_of["large"])
            say(f"{command} of 14 MiB at {rate / 1e6:g} MB/s: {reply.status} after {took:.1f} s; beside it small PUTs took at most "
                f"{put:.2f} s and GETs {get:.2f} s, in the same partition {own_put:.2f} and {own_get:.2f} s")
    leaders.stop()
    say(f"leader changed {sum(leaders.changes.values())} times")
    return True


def come_back(cluster, keys, turns, rate):
    """A worker misses more log than is kept, and comes back."""
    cluster.kill_worker(2)
    with Client(cluster.frontend) as client:
        for turn in range(turns):
            for number in range(keys):
                reply = client.call("PUT", f"{number}", document(MIB, turn * keys + number), timeout_ms=60_000, wait=70)
                assert reply.status == "OK", reply
    held = sum(member["bytes"] or 0 for member in cluster.members().values()) / 2
    if rate:
        cluster.limit(rate)
    begin = time.monotonic()
    cluster.start_worker(2)
    log = cluster.folder / "worker-2.log"

    def is_level():
        member = cluster.members()[2]
        return member["bytes"] and member["bytes"] >= held * 0.999
    wait_for(is_level, "all of the data", 900, every=0.2)
    text = log.read_text()
    say(f"{held / 1e6:.0f} MB in {text.count('installing the snapshot')} snapshots at "
        f"{'full speed' if not rate else f'{rate / 1e6:g} MB/s'}: {time.monotonic() - begin:.1f} s after its start, "
        f"given up {text.count('gave up')} times")
    return "gave up" not in text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=("rate", "far", "loss", "large", "snapshots", "install"))
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rate", type=int, default=1_000_000, help="bytes a second")
    parser.add_argument("--way", type=float, default=0.3, help="seconds")
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--election-timeout", type=int, default=500, help="milliseconds, of all workers")
    options = parser.parse_args()
    enter()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="trellis-bench-"))
    cluster = _PatientCluster(folder, Network(), partitions=16 if options.case == "install" else 4)
    cluster.election_timeout = options.election_timeout
    delays = None
    say(machine())
    try:
        if options.case == "far":
            delays = cluster.start_far(options.way)
            cluster.wait_until_whole(seconds=120)
        else:
            cluster.start()
        cases = {"large": large, "snapshots": lambda *_: come_back(cluster, 40, 9, options.rate),
                 "install": lambda *_: come_back(cluster, 500, 3, None)}
        return 0 if cases.get(options.case, mixed)(cluster, options) else 1
    finally:
        if delays:
            delays.stop()
        cluster.stop()
        remove_folder(folder)
        say(machine())


if __name__ == "__main__":
    sys.exit(main())
