"""docs/security.md: what a stranger who reaches a port can do, and what is bounded. All that is sent here is well-formed
ZeroMQ and harmless to anything but our own bounds."""
import os
import socket
import struct
import urllib.request

import zmq

from support import EndToEndTest, main, wait_for
from support.processes import free_ports


def field_bytes(text):
    return struct.pack("<I", len(text)) + text


def bundle(*items):
    """docs/cluster-protocol.md, Bundles: inline items alone."""
    head = b"\x02"
    for kind, header in items:
        head += struct.pack("<BII", kind, len(header), 0) + header
    return head


def speaker(worker, nonce, start, cluster):
    never_welcomed = 2**32 - 1
    return 1, struct.pack("<QQQBBIQQQQ", worker, nonce, start, 0, 0, never_welcomed, 0, 0, 0, 0) + field_bytes(cluster.encode())


def vote_wanted(candidate, voter, group, term):
    """A RequestVote of a replica with a log beyond compare, which says that it may disrupt a leader."""
    return 2, struct.pack("<BIQQQQQQQIBBB", 3, group, candidate, voter, term, 2**40, term, candidate, 0, 0, 0, 1, 0)


class StrangerTest(EndToEndTest):
    bound = 180

    def dealer(self, address, **options):
        dealer = zmq.Context.instance().socket(zmq.DEALER)
        dealer.linger, dealer.sndhwm = 0, 0
        for name, value in options.items():
            setattr(dealer, name, value)
        dealer.connect(f"tcp://{address}")
        self.addCleanup(dealer.close)
        return dealer

    def zmtp_peer(self, address):
        """A DEALER without ZeroMQ, which would send nothing before a message is whole (ZMTP 3.0, NULL)."""
        host, _, port = address.rpartition(":")
        peer = socket.create_connection((host, int(port)))
        self.addCleanup(peer.close)
        peer.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00NULL".ljust(55, b"\0"))
        ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"
        peer.sendall(bytes([4, len(ready)]) + ready)
        return peer

    def metric(self, port, name):
        """Over all labels; None where it is not there yet."""
        try:
            text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
        except OSError:
            return None
        samples = [line for line in text.splitlines() if line.startswith((name + " ", name + "{"))]
        return sum(float(line.rpartition(" ")[2]) for line in samples) if samples else None

    def open_files(self, process):
        return len(os.listdir(f"/proc/{process.pid}/fd"))

    def connections_at(self, port):
        """How many TCP connections a process of this machine holds at its own `port`."""
        listens, waits_after_its_end = "0A", "06"
        with open("/proc/net/tcp", encoding="ascii") as table:
            sockets = [line.split() for line in list(table)[1:]]
        return sum(int(local.rpartition(":")[2], 16) == port and state not in (listens, waits_after_its_end)
                   for _, local, _, state, *_ in sockets)


class AtAWorkersPort(StrangerTest):
    def test_a_member_is_not_believed_before_it_has_proven_itself(self):
        cluster = self.start_cluster(workers=3, k=2, partitions=1)
        port = free_ports(1)[0]
        cluster.kill_worker(0)
        cluster.start_worker(0, ("--metrics", port))
        cluster.wait_until_whole()
        client = self.client_of(cluster)
        members, name = cluster.members(), cluster.status()["cluster"]
        asked, other = (int(members[number]["id"], 16) for number in (0, 1))
        stranger = self.dealer(cluster.address_of(0))
        for start in range(1, 200):
            stranger.send(bundle(speaker(other, 4711, start, name), vote_wanted(other, asked, 0, 2**47),
                                 (19, struct.pack("<Q", start))))  # A proof of nothing.
        wait_for(lambda: (self.metric(port, "trellis_worker_peer_messages_dropped_total") or 0) >= 199,
                 "the stranger's messages to be counted")
        for number in range(20):
            self.assertOk(client.call("PUT", f"k{number}", number))
        for number in range(3):  # A term that was stored would keep the partition without a leader from now on.
            cluster.kill_worker(number)
        for number in range(3):
            cluster.start_worker(number)
        cluster.wait_until_whole()
        self.assertOk(client.call("GET", "k7"), 7)


class AtTheFrontend(StrangerTest):
    def start_with_metrics(self):
        cluster = self.start_cluster(workers=1, k=1, partitions=1)
        port = free_ports(1)[0]
        cluster.kill_broker()
        cluster.start_broker(flags=("--metrics", port))
        cluster.wait_until_whole()
        return cluster, port

    def test_a_message_that_does_not_end_is_cut_off(self):
        cluster, port = self.start_with_metrics()
        client = self.client_of(cluster)
        endless = self.zmtp_peer(cluster.frontend)
        part = b"\x03" + struct.pack(">Q", 1 << 20) + b"x" * (1 << 20)  # More to come; a large frame.

        def it_is_cut_off():
            try:
                for _ in range(8):
                    endless.sendall(part)
            except OSError:
                pass  # It was.
            self.assertOk(client.call("PUT", "k", 1))
            return (self.metric(port, "trellis_broker_connections_cut_off_total") or 0) >= 1
        wait_for(it_is_cut_off, "the endless message to be cut off", 60)
        self.assertIn("does not end", cluster.brokers[0].output())

    def test_a_message_of_a_million_frames_is_dropped_and_others_are_served(self):
        cluster, port = self.start_with_metrics()
        client = self.client_of(cluster)
        flood = self.dealer(cluster.frontend, reconnect_ivl=60_000)
        for _ in range(1_000_000):
            flood.send(b"x", zmq.SNDMORE)
        flood.send(b"x")
        wait_for(lambda: (self.metric(port, "trellis_broker_connections_cut_off_total") or 0) >= 1,
                 "its sender to be cut off", 60)
        self.assertOk(client.call("PUT", "k", 1))

    def test_sockets_with_one_routing_id_leave_no_descriptor_behind(self):
        cluster, _ = self.start_with_metrics()
        frontend_port = int(cluster.frontend.rpartition(":")[2])
        wait_for(lambda: self.connections_at(frontend_port) == 0, "those who asked for STATUS to be gone")
        before = self.open_files(cluster.brokers[0])
        for number in range(20):
            pair = [self.dealer(cluster.frontend, routing_id=b"one and the same") for _ in range(2)]
            wait_for(lambda: self.connections_at(frontend_port) == 2, "both to be connected")
            for each in pair:
                each.close()
            wait_for(lambda: self.open_files(cluster.brokers[0]) <= before, f"pair {number} to be gone")


if __name__ == "__main__":
    main()
