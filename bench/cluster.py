"""What bench/growth, bench/slow_sync and bench/counts share: a cluster of real processes of their own, and `trellis bench`."""
import contextlib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests" / "end_to_end"))

from support import Cluster, Process  # noqa: E402  (the path comes first)
from support.processes import PROGRAMS, clean_environment  # noqa: E402


class MeasuredCluster(Cluster):
    """A broker and workers, each begun with the words that `wrapper(name)` returns, in this environment."""

    def __init__(self, folder, wrapper=lambda name: [], environment=None, **settings):
        self.wrapper = wrapper
        self.environment = clean_environment(**(environment or {}))
        super().__init__(folder, start=False, **settings)

    def begin(self, name, program, *flags):
        command = [*self.wrapper(name), PROGRAMS / program, *flags]
        return Process(*command, log=self.folder / f"{name}.log", environment=self.environment)

    def start_broker(self, number=0):
        self.brokers[number] = self.begin(
            f"broker-{number}", "trellis-broker", "--frontend", f"tcp://{self.frontends[number]}", "--backend",
            f"tcp://{self.backends[number]}", "-s", self.server_file, "-k", self.k, "--partitions", self.partitions)
        return self.brokers[number]

    def start_worker(self, number):
        self.workers[number] = self.begin(
            f"worker-{number}", "trellis-worker", "-a", "127.0.0.1", "-p", self.ports[number], "-b", self.backends[0],
            "--data", self.data_of(number))
        return self.workers[number]

    def bench_command(self, operation, **flags):
        words = [PROGRAMS / "trellis", "bench", operation, "-b", self.frontend, "--json"]
        for flag, value in flags.items():
            words.append("--" + flag.replace("_", "-"))
            if value is not True:
                words.append(value)
        return [str(word) for word in words]

    def bench(self, operation, **flags):
        """Runs `trellis bench`. Returns what it measured; some operations may have failed, which is told."""
        return finished(self.begin_bench(operation, **flags))

    def begin_bench(self, operation, **flags):
        return subprocess.Popen(self.bench_command(operation, **flags), stdout=subprocess.PIPE, text=True)

    def workers_bytes(self):
        """Memory that the workers hold together, without what their programs share."""
        return sum(anonymous_bytes(worker.pid) for worker in self.workers)


def finished(running):
    out, _ = running.communicate()
    if running.returncode not in (0, 1):
        raise SystemExit(f"{running.args} ended with {running.returncode}")
    result = json.loads(out)
    if running.returncode == 1:
        print(f"errors: {' '.join(running.args[1:4])}: {result.get('errors')}", file=sys.stderr)
    return result


def anonymous_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


@contextlib.contextmanager
def measured_cluster(folder=None, **settings):
    """A running cluster; gone afterwards, with its data.

    folder: on the disk that is to be measured; by default the system's for temporary files
    """
    place = pathlib.Path(tempfile.mkdtemp(prefix="trellis-bench-", dir=folder))
    cluster = None
    try:
        cluster = MeasuredCluster(place, **settings)
        yield cluster.start()
    finally:
        if cluster is not None:
            cluster.stop()
        shutil.rmtree(place, ignore_errors=True)


def machine():
    """One line on the machine and what else it does, to stand beside figures."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f}"
