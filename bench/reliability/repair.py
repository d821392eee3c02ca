"""Zones, repair and healing on real processes, under the load of four writers: nothing acknowledged is lost, no request
fails, and how long it took.

    repair.py [zones|back|rolling|factor|torn ...]        all of them, where none is named
"""
import argparse
import itertools
import time

from common import cluster_of, machine, wait_for
from support.history import Writers
from support.processes import free_ports


def change(cluster, command, *arguments, **options):
    with cluster.client() as client:
        reply = client.call(command, *arguments, wait=20, **options)
    assert reply.status == "OK", reply
    return reply.result


def start(cluster, zones):
    """The cluster's workers in these zones."""
    cluster.start_broker()
    for number, zone in enumerate(zones):
        cluster.start_worker(number, ("--zone", zone))
    cluster.wait_until_whole()


def settle(cluster, up, seconds=120):
    """Until so many workers are up and each replica is in its place; how long that took."""
    begun = time.monotonic()

    def settled():
        status = cluster.status()
        return (status.get("workers_up") == up and status["moves_left"] == status["under_replicated"] == 0 and status["guaranteed"])
    wait_for(settled, f"{up} workers to be settled", seconds)
    return time.monotonic() - begun


def go_on(writers, cluster, what):
    seen = writers.written
    wait_for(lambda: writers.written > seen + 100, f"writes to go on {what}", 30)


def finish(writers, cluster):
    writers.stop()
    assert writers.errors == [], writers.errors[:3]
    with cluster.client() as client:
        writers.check(client)
    return f"{writers.written} writes, none failed, none lost"


def replicas(cluster):
    return {number: member["partitions"] for number, member in cluster.members().items()}


def write_large(cluster, count):
    with cluster.client() as client:
        for number in range(count):
            assert client.call("PUT", f"large{number}", b"x" * 50_000, wait=20).status == "OK"


def zones(cluster):
    """Three, two and one worker in a zone; each zone killed in turn; then a fourth zone's first worker joins."""
    stands = ["a", "a", "a", "b", "b", "c"]
    start(cluster, stands)
    writers = Writers(cluster.frontends, timeout_ms=2_000)
    for zone in "abc":
        down = [number for number, each in enumerate(stands) if each == zone]
        for number in down:
            cluster.kill_worker(number)
        for number in down:
            cluster.wait_for_state(number, "down")
        go_on(writers, cluster, f"without zone {zone}")
        assert cluster.status()["guaranteed"], "a zone is one failure"
        for number in down:
            cluster.start_worker(number, ("--zone", zone))
        settle(cluster, 6)
    before = replicas(cluster)
    cluster.ports += free_ports(1)
    cluster.workers.append(None)
    cluster.start_worker(6, ("--zone", "d", "--join"))
    wait_for(lambda: 6 in cluster.members(), "it to join")
    took = settle(cluster, 7)
    after = replicas(cluster)
    assert after[6] > 0, after
    return f"replicas {list(before.values())}, with a fourth zone after {took:.0f} s {list(after.values())}; " + finish(writers, cluster)


def back(cluster):
    """One of five is given up, and is back when some of its replicas have been made anew."""
    cluster.start()
    change(cluster, "SETTINGS", {"repair_after_ms": 3_000, "moves": 1, "move_rate": 1 << 20})
    writers = Writers(cluster.frontends)
    write_large(cluster, 200)
    held = replicas(cluster)[4]
    cluster.kill_worker(4)
    left = wait_for(lambda: (now := replicas(cluster)[4]) < held and [now], "some of its replicas to be made anew", 60, every=0.01)[0]
    cluster.start_worker(4)
    cluster.wait_for_state(4, "up")
    took = settle(cluster, 5)
    return f"of {held} replicas {held - left} were made anew, then it was back, and settled after {took:.0f} s; " + finish(writers, cluster)


def rolling(cluster):
    """Each of five started anew, one a second, three times over: nobody is given up, and no replica moves."""
    cluster.start()
    change(cluster, "SETTINGS", {"repair_after_ms": 3_000})
    settle(cluster, 5)
    writers, version, held = Writers(cluster.frontends), cluster.status()["map_version"], replicas(cluster)
    begun = time.monotonic()
    for turn, number in enumerate(itertools.chain(*[range(5)] * 3)):
        cluster.kill_worker(number)
        cluster.start_worker(number)
        wait_for(lambda turn=turn: time.monotonic() >= begun + turn + 1, "the next second", 5, every=0.01)
    settle(cluster, 5)
    assert (cluster.status()["map_version"], replicas(cluster)) == (version, held), "a group has changed"
    return f"15 restarts in {time.monotonic() - begun:.0f} s, the map is what it was; " + finish(writers, cluster)


def factor(cluster):
    """k from 2 to 3 and back."""
    cluster.start()
    writers = Writers(cluster.frontends)
    took = []
    for k in (3, 2):
        begun = time.monotonic()
        change(cluster, "SETTINGS", {"k": k})
        wait_for(lambda k=k: cluster.status().get("tolerates") == k - 1, f"k to be {k}", 120)
        settle(cluster, 5)
        took.append(time.monotonic() - begun)
    return f"to 3 in {took[0]:.0f} s, to 2 in {took[1]:.0f} s; " + finish(writers, cluster)


def torn(cluster):
    """A file of a worker's log is gone, and it starts with --heal."""
    cluster.start()
    writers = Writers(cluster.frontends)
    write_large(cluster, 200)
    cluster.kill_worker(2)
    log = cluster.data_of(2) / "log"
    used = [file for file in log.glob("*.log") if b"x" * 100 in file.read_bytes()]  # The others are kept ready.
    assert len(used) > 1, "what is gone is to be missed by what is left"
    used[0].unlink()
    assert cluster.start_worker(2).wait(30) != 0, "it refuses to start"
    cluster.start_worker(2, ("--heal",)).wait_for_output("damaged-1", 30)
    took = settle(cluster, len(cluster.workers))
    assert (cluster.data_of(2) / "damaged-1" / "log").is_dir()
    return f"made anew {took:.0f} s after its start; " + finish(writers, cluster)


RUNS = {"zones": (zones, 6), "back": (back, 5), "rolling": (rolling, 5), "factor": (factor, 5), "torn": (torn, 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", choices=[[], *RUNS], metavar="RUN", help=", ".join(RUNS))
    for name in parser.parse_args().runs or RUNS:
        run, workers = RUNS[name]
        with cluster_of(begin=False, workers=workers, k=2) as cluster:
            print(f"{name}: {run(cluster)} ({machine()})", flush=True)


if __name__ == "__main__":
    main()
