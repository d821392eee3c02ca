"""What the measurements share: the end-to-end tests' cluster on a temporary folder, figures, and the machine's state."""
import contextlib
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "end_to_end"))

from support import Cluster, wait_for  # noqa: E402  (the path comes first)
from support.cases import remove_folder  # noqa: E402

__all__ = ["Cluster", "cluster_of", "machine", "percentile", "remove_folder", "resident_mb", "wait_for"]


@contextlib.contextmanager
def cluster_of(begin=True, **settings):
    """A cluster, which runs if it is to `begin`; gone afterwards."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="trellis-bench-"))
    cluster = Cluster(folder, start=False, **settings)
    try:
        yield cluster.start() if begin else cluster
    finally:
        cluster.stop()
        remove_folder(folder)


def percentile(values, share):
    """The smallest value that is not below `share` of them."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def resident_mb(process):
    """Memory that a process holds now, in MB of 2^20 bytes."""
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def machine():
    """One line on the machine's state, to stand beside the figures."""
    return f"{os.cpu_count()} cores, load {', '.join(f'{load:.1f}' for load in os.getloadavg())}"
