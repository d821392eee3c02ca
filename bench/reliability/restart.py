"""Time to restart a worker: N records are loaded, one worker is killed with SIGKILL and started again, until it is up,
level with the others, and leads its share again.

    restart.py [--records N]
"""
import argparse
import subprocess
import time

from common import cluster_of, machine, resident_mb, wait_for
from support.processes import PROGRAMS

KEY_FILE = "name string\nage int\nheight float\nstreet string\nlevel int\n"


def load(cluster, records):
    (cluster.folder / "keyFile.txt").write_text(KEY_FILE)
    data = cluster.folder / "data.txt"
    with open(data, "wb") as out:
        subprocess.run([PROGRAMS / "trellis", "generate", "-k", cluster.folder / "keyFile.txt", "-n", str(records), "-d", "2",
                        "-l", "8", "-m", "4", "--seed", "1"], stdout=out, check=True)
    print(f"data file: {data.stat().st_size / 1e6:.0f} MB", flush=True)
    ran = subprocess.run([PROGRAMS / "trellis", "load", data, "-b", cluster.frontend], capture_output=True, text=True, check=True)
    print((ran.stdout + ran.stderr).strip().splitlines()[-1], flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    records = parser.parse_args().records
    print("machine before:", machine(), flush=True)
    with cluster_of(workers=3, k=2, partitions=16) as cluster:
        load(cluster, records)
        wait_for(leads_are_steady(cluster), "leaders to be where they are preferred", 60)
        before = wait_for_keys(cluster, 0, records)
        print(f"worker 0 holds {before['keys']} documents of {before['bytes'] / 1e6:.0f} MB in {resident_mb(cluster.workers[0]):.0f} MB "
              f"of memory and {size_of(cluster.data_of(0)) / 1e6:.0f} MB of disk, and leads {before['leads']} partitions", flush=True)
        cluster.kill_worker(0)
        cluster.wait_for_state(0, "down")
        begin = time.monotonic()
        cluster.start_worker(0)
        wait_for(lambda: cluster.members()[0]["state"] == "up", "it to be up", 300)
        print(f"up after {time.monotonic() - begin:.2f} s", flush=True)
        wait_for_keys(cluster, 0, records)
        print(f"level after {time.monotonic() - begin:.2f} s", flush=True)
        wait_for(lambda: cluster.members()[0]["leads"] > 0, "it to lead", 300)
        print(f"leads again after {time.monotonic() - begin:.2f} s", flush=True)
        wait_for(lambda: cluster.members()[0]["leads"] >= before["leads"], "it to lead its share", 300)
        print(f"leads its share after {time.monotonic() - begin:.2f} s", flush=True)
    print("machine after:", machine())


def leads_are_steady(cluster, seconds=8):
    """Whether who leads how much has been the same for so long: a new cluster's first elections go to anyone, and leaders
    are handed over after some seconds."""
    last, since = None, time.monotonic()

    def are_steady():
        nonlocal last, since
        leads = [member["leads"] for member in cluster.members().values()]
        if leads != last:
            last, since = leads, time.monotonic()
        return time.monotonic() - since >= seconds
    return are_steady


def wait_for_keys(cluster, number, records):
    wait_for(lambda: cluster.members()[number]["keys"] >= records, "all documents", 300, every=0.05)
    return cluster.members()[number]


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
