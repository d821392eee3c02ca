"""What a broker holds when clients do not read and when workers do not answer: its resident memory, at rest and at its
highest while clients send as much as they can.

    broker_memory.py [--clients N] [--seconds S]
"""
import argparse
import itertools
import time

import zmq

from common import cluster_of, machine, resident_mb
from support import request_frame

DOCUMENT = "x" * 10_000


def flood(cluster, clients, seconds, make_frame):
    """Sends without reading a reply; the broker's highest memory in MB, and how many requests it took."""
    sockets = []
    for _ in range(clients):
        socket = zmq.Context.instance().socket(zmq.DEALER)
        socket.linger, socket.sndhwm, socket.rcvhwm = 0, 100, 1
        socket.setsockopt(zmq.RCVBUF, 4096)
        socket.connect(f"tcp://{cluster.frontend}")
        sockets.append(socket)
    highest, sent, numbers = 0.0, 0, itertools.count()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for socket in sockets:
            for _ in range(100):
                try:
                    socket.send(make_frame(next(numbers)), zmq.DONTWAIT)
                    sent += 1
                except zmq.Again:
                    break
        highest = max(highest, resident_mb(cluster.brokers[0]))
    for socket in sockets:
        socket.close()
    return highest, sent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    print("machine before:", machine(), flush=True)
    with cluster_of(workers=3, k=2, partitions=16) as cluster:
        with cluster.client() as client:
            client.call("PUT", "key", DOCUMENT)
        print(f"at rest: {resident_mb(cluster.brokers[0]):.0f} MB", flush=True)
        highest, sent = flood(cluster, options.clients, options.seconds, lambda id_: request_frame(id_, "GET", ["key"], {}))
        print(f"{options.clients} clients that do not read, {sent} GETs of 10 kB sent: at most {highest:.0f} MB", flush=True)
        time.sleep(5)
        print(f"five seconds after they are gone: {resident_mb(cluster.brokers[0]):.0f} MB", flush=True)
    with cluster_of(workers=3, k=2, partitions=16) as cluster:
        for worker in cluster.workers:
            worker.pause()
        highest, sent = flood(cluster, options.clients, options.seconds,
                              lambda id_: request_frame(id_, "PUT", [f"key{id_ % 1000}", DOCUMENT], {"timeout_ms": 60_000}))
        print(f"workers that do not answer, {options.clients} clients, {sent} PUTs of 10 kB sent: at most {highest:.0f} MB", flush=True)
        for worker in cluster.workers:
            worker.resume()
    print("machine after:", machine())


if __name__ == "__main__":
    main()
