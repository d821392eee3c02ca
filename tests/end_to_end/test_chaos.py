"""Real brokers and workers under load, killed, paused and cut off from each other; the history checked by trellis-check.

    test_chaos.py [--seed S] [--runs N] [--seconds S] [--members] [--keep FOLDER]

Run i has the seed S + i: it draws the cluster's shape, the faults and what the clients ask (not when the kernel lets
anyone run, so a seed repeats the plan of a run and not each of its steps). Afterwards all faults end, the cluster has to
be whole within a bound, every key is read, and the history has to be linearizable: docs/protocol.md, "The guarantee" and
"Exactly-once". Half of the clusters have keys, and users and roles that change meanwhile: in the end they are what was
acknowledged last. With --members workers join, are removed and lose their disks meanwhile. Where network namespaces are
not allowed there are no cuts, and it says so.
"""
import argparse
import heapq
import itertools
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

from support import PROGRAMS
from support.administrator import Administrator
from support.network import Network, NotAllowed, enter
from support.processes import kill_all_of
from support.spread_cluster import SpreadCluster
from support.traffic import History, RecordingClient, Traffic
from support.waiting import wait_for

ELECTION_TIMEOUT = 0.5
WHOLE_WITHIN = 40
SETTLED_WITHIN = 90  # Where replicas have to be made first.
SHAPES = ({"workers": 3, "k": 2, "partitions": 1}, {"workers": 3, "k": 2, "partitions": 16}, {"workers": 5, "k": 3, "partitions": 4},
          {"workers": 5, "k": 2, "partitions": 16}, {"workers": 3, "k": 2, "partitions": 4})


class Faults:
    """Draws faults and ends them again. What is broken by one fault is left alone by the others until it is mended."""

    _keeps_founders = True  # So that the server file goes on to name members.

    def __init__(self, cluster, network, draw):
        self._cluster, self._network, self._random = cluster, network, draw
        self._order = itertools.count()
        self._ends = []  # Heap of (when, order, what ends it).
        self._busy = set()
        self.counts = {}

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._begin_one()
            pause = time.monotonic() + self._random.uniform(0.05, 1.2)
            while time.monotonic() < min(pause, end):
                self._end_due(time.monotonic())
                time.sleep(0.01)
        self._end_due(float("inf"))

    def died_by_themselves(self):
        """Names of processes that nobody killed and that run no more."""
        return [process.name for process in (*self._cluster.workers, *self._cluster.brokers)
                if process.name not in self._busy and not process.is_running]

    def _end_due(self, now):
        while self._ends and self._ends[0][0] <= now:
            heapq.heappop(self._ends)[2]()

    def _begin_one(self):
        weights, choices = zip(*self._kinds())
        fault = self._random.choices(choices, weights)[0]
        if fault():
            self.counts[fault.__name__.strip("_")] = self.counts.get(fault.__name__.strip("_"), 0) + 1

    def _kinds(self):
        """How likely each is, and what it does."""
        kinds = [(4, self._kill_worker), (4, self._pause_worker), (1, self._kill_broker), (1, self._pause_broker), (0.5, self._kill_all)]
        if self._network:
            kinds += [(3, self._isolate_worker), (3, self._cut_one_way), (1.5, self._cut_from_broker)]
        return kinds

    def _later(self, seconds, names, action):
        def end():
            action()
            self._busy.difference_update(names)
        heapq.heappush(self._ends, (time.monotonic() + seconds, next(self._order), end))

    def _take(self, kind):
        """The number of a worker or broker that is whole, or None; from now on it is not."""
        everyone = self._cluster.workers if kind == "worker" else self._cluster.brokers
        free = [number for number in range(len(everyone)) if f"{kind}-{number}" not in self._busy]
        if not free:
            return None
        number = self._random.choice(free)
        self._busy.add(f"{kind}-{number}")
        return number

    def _kill_worker(self):
        number = self._take("worker")
        if number is None:
            return False
        self._cluster.kill_worker(number)
        self._later(self._random.choice((0, 0.2, 1, 3)), {f"worker-{number}"}, lambda: self._cluster.start_worker(number))
        return True

    def _kill_all(self):
        """Every worker that is whole, as a power cut would (but for what the kernel had not written)."""
        numbers = [number for number in range(len(self._cluster.workers)) if f"worker-{number}" not in self._busy]
        for number in numbers:
            self._busy.add(f"worker-{number}")
            self._cluster.kill_worker(number)
            self._later(self._random.uniform(0, 1), {f"worker-{number}"}, lambda number=number: self._cluster.start_worker(number))
        return bool(numbers)

    def _kill_broker(self):
        number = self._take("broker")
        if number is None:
            return False
        listed = self._random.random() < 0.5 and self._keeps_founders
        self._cluster.kill_broker(number)
        self._later(self._random.choice((0, 0.3, 1)), {f"broker-{number}"},
                    lambda: self._cluster.start_broker(number, with_server_file=listed))
        return True

    def _pause(self, kind):
        number = self._take(kind)
        if number is None:
            return False
        process = (self._cluster.workers if kind == "worker" else self._cluster.brokers)[number]
        process.pause()
        self._later(ELECTION_TIMEOUT * self._random.uniform(0.5, 5), {f"{kind}-{number}"}, process.resume)
        return True

    def _pause_worker(self):
        return self._pause("worker")

    def _pause_broker(self):
        return self._pause("broker")

    def _cut(self, pairs):
        pairs = [(self._cluster.host(sender), self._cluster.host(receiver)) for sender, receiver in pairs]
        for pair in pairs:
            self._network.cut(*pair)
        self._later(self._random.uniform(0.2, 4), set(), lambda: [self._network.heal(*pair) for pair in pairs])
        return True

    def _isolate_worker(self):
        """From all other workers, not from the brokers: a leader that is still asked and leads no more."""
        one = self._random.randrange(len(self._cluster.workers))
        others = [number for number in range(len(self._cluster.workers)) if number != one]
        return self._cut([(f"worker-{one}", f"worker-{other}") for other in others] +
                         [(f"worker-{other}", f"worker-{one}") for other in others])

    def _cut_one_way(self):
        one, other = self._random.sample(range(len(self._cluster.workers)), 2)
        return self._cut([(f"worker-{one}", f"worker-{other}")])

    def _cut_from_broker(self):
        pair = [f"worker-{self._random.randrange(len(self._cluster.workers))}", f"broker-{self._random.randrange(len(self._cluster.brokers))}"]
        self._random.shuffle(pair)
        return self._cut([pair])


class MemberFaults(Faults):
    """The same, while members come and go. A disk is lost only where nothing is left to move, so that each is made good before the next."""

    WORKERS_MAX = 8
    _keeps_founders = False

    def __init__(self, *rest):
        super().__init__(*rest)
        self._lost = set()  # Ids of those whose disks were lost: as long as one is a member, it has to be made good.

    def died_by_themselves(self):
        return [name for name in super().died_by_themselves() if not self._was_removed(name)]

    def _was_removed(self, name):
        process = next(each for each in (*self._cluster.workers, *self._cluster.brokers) if each.name == name)
        return not process.is_running and process.wait() == 0 and "was removed from cluster" in process.output()

    def _kinds(self):
        return [*super()._kinds(), (4, self._add_worker), (4, self._remove_worker), (2, self._wipe_worker)]

    def _take(self, kind):
        """Whoever was removed is left alone."""
        gone = {f"worker-{number}" for number, worker in enumerate(self._cluster.workers) if not worker.is_running} - self._busy
        self._busy |= gone
        number = super()._take(kind)
        self._busy -= gone
        return number

    def _add_worker(self):
        if sum(worker.is_running for worker in self._cluster.workers) >= self.WORKERS_MAX:
            return False
        self._cluster.add_worker()
        return True

    def _remove_worker(self):
        """One of those that broker 0 knows; refused where too few would be left."""
        members = self._ask("MEMBERS")
        if not members:
            return False
        return self._ask("MEMBER_REMOVE", self._random.choice(members)["address"], timeout_ms=1000) is True

    def _wipe_worker(self):
        members = self._ask("MEMBERS")
        if not is_settled(self._cluster, members) or any(member["id"] in self._lost for member in members):
            return False
        number = self._take("worker")
        if number is None:
            return False
        self._lost |= {member["id"] for member in members if member["address"] == self._cluster.address_of(number)}
        self._cluster.kill_worker(number)
        shutil.rmtree(self._cluster.data_of(number))
        self._later(self._random.choice((0, 1)), {f"worker-{number}"}, lambda: self._cluster.join(number))
        return True

    def _ask(self, command, *arguments, **options):
        """The result, or None where it did not come or is an error."""
        with self._cluster.client() as client:
            try:
                return client.call(command, *arguments, wait=2, **options).result
            except AssertionError:
                return None


def is_settled(cluster, members):
    """Whether whoever runs is a member that is up, every replica is in its place, and all is served."""
    if not members:
        return False
    status = cluster.status()
    running = {cluster.address_of(number) for number, worker in enumerate(cluster.workers) if worker.is_running}
    return (running == {member["address"] for member in members}
            and all(member["state"] == "up" and member["membership"] == "member" for member in members)
            and (status.get("moves_left"), status.get("under_replicated"), status.get("guaranteed")) == (0, 0, True)
            and sum(member["leads"] or 0 for member in members) == cluster.partitions)


def wait_until_settled(cluster):
    def settled():
        with cluster.client() as client:
            return is_settled(cluster, client.call("MEMBERS", wait=5).result)
    try:
        wait_for(settled, "the members to settle", SETTLED_WITHIN, every=0.1)
    except AssertionError as late:
        with cluster.client() as client:
            raise AssertionError(f"{late}\n{client.call('MEMBERS', wait=5)}\n{client.call('MOVES', wait=5)}\n{cluster.tails()}") from None


def run_once(seed, seconds, folder, network, changes_members):
    """One run. Returns a line about it; AssertionError: what was wrong."""
    draw = random.Random(seed)
    shape = {**draw.choice(SHAPES), "brokers": draw.choice((1, 2))}
    keys_of_cluster = make_keys(folder) if draw.random() < 0.5 else {}
    cluster = SpreadCluster(folder, network, **shape, **keys_of_cluster)
    try:
        cluster.start()
        history = History(shape["partitions"])
        keys = [f"{letter}{number}" for letter in "ab" for number in range(draw.choice((3, 8, 20)))]
        traffic = Traffic(12, cluster.frontends, keys, history, seed, cluster.user)
        administrator = Administrator(cluster.frontends, cluster.user) if keys_of_cluster else None
        faults = (MemberFaults if changes_members else Faults)(cluster, network, draw)
        faults.run(seconds)
        dead = faults.died_by_themselves()
        assert not dead, f"ended by themselves: {dead}\n{cluster.tails()}"
        begin = time.monotonic()
        wait_until_settled(cluster) if changes_members else cluster.wait_until_whole(seconds=WHOLE_WITHIN)
        whole_after = time.monotonic() - begin
        traffic.stop()
        assert not traffic.errors, traffic.errors
        if administrator:
            administrator.stop()
            with cluster.client() as client:
                administrator.check(client)
        read_everything(cluster, keys, history, seed)
        history.write(folder / "history.txt")
        check(folder / "history.txt")
        return (f"seed {seed}: right; {len(history)} operations, {faults.counts}, answers {history.counts}, "
                f"whole {whole_after:.1f} s after the faults; {shape}"
                + (f", with keys and {administrator.changes} changes of users and roles" if administrator else ""))
    finally:
        cluster.stop()
        if network:
            network.remove_hosts()


def make_keys(folder):
    """The settings of a cluster with keys."""
    ran = subprocess.run([str(PROGRAMS / "trellis"), "keys", "init", str(folder / "keys")], capture_output=True, text=True, timeout=30)
    assert ran.returncode == 0, ran.stderr
    return {"flags": ("--cluster-key", folder / "keys" / "cluster.key"), "user": folder / "keys" / "admin.user"}


def read_everything(cluster, keys, history, seed):
    reader = RecordingClient("final", cluster.frontends, keys, history, seed, cluster.user)
    try:
        assert reader.read_all(), "a read after the faults had no confirmed answer"
    finally:
        reader.close()


def check(path):
    checked = subprocess.run([str(PROGRAMS / "trellis-check"), str(path)], capture_output=True, text=True, timeout=300)
    path.with_name("verdict.txt").write_text(checked.stdout + checked.stderr)
    assert checked.returncode == 0, f"trellis-check ({checked.returncode}), see verdict.txt: {checked.stdout[:2000]}{checked.stderr[:500]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--members", action="store_true", help="members come and go meanwhile")
    parser.add_argument("--keep", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()), help="folder for what failed")
    options = parser.parse_args()
    try:
        enter()
        network = Network()
    except NotAllowed as why:
        print(f"no cuts between processes: network namespaces are not allowed here: {why}", flush=True)
        network = None
    failed = []
    for seed in range(options.seed, options.seed + options.runs):
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"trellis-chaos-{seed}-", dir=options.keep))
        print(f"seed {seed} ...", flush=True)
        try:
            print(run_once(seed, options.seconds, folder, network, options.members), flush=True)
            shutil.rmtree(folder, ignore_errors=True)
        except AssertionError as wrong:
            failed.append(seed)
            print(f"seed {seed}: WRONG (history and logs in {folder}): {wrong}", flush=True)
        finally:
            kill_all_of(folder)
    print(f"{options.runs} runs of {options.seconds:g} s, {len(failed)} wrong{f', seeds {failed}' if failed else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
