"""A whole cluster of real processes on free ports of 127.0.0.1, with folders of its own."""
import pathlib

from .client import Client
from .processes import Process, free_ports
from .waiting import wait_for


class Cluster:
    """Brokers and workers, by number from 0. `folder` is the test's temporary folder; the cluster stops with the test.

    `flags` are given to each of them, and `user` is the file of the key that its clients show.
    """

    def __init__(self, folder, workers=3, k=2, partitions=16, brokers=1, start=True, flags=(), user=None):
        self.folder = pathlib.Path(folder)
        self.k, self.partitions, self.flags, self.user = k, partitions, flags, user
        ports = free_ports(workers + 2 * brokers)
        self.ports = ports[:workers]
        self.frontends = [f"127.0.0.1:{port}" for port in ports[workers:workers + brokers]]
        self.backends = [f"127.0.0.1:{port}" for port in ports[workers + brokers:]]
        self.brokers = [None] * brokers
        self.workers = [None] * workers
        self.server_file = self.folder / "servers.txt"
        self.server_file.write_text("".join(f"127.0.0.1 {port}\n" for port in self.ports))
        if start:
            self.start()

    # Life and death.

    def start(self):
        """Starts everything and waits until the cluster serves."""
        for number in range(len(self.brokers)):
            self.start_broker(number)
        for number in range(len(self.workers)):
            self.start_worker(number)
        self.wait_until_whole()
        return self

    def start_broker(self, number=0, with_server_file=True, flags=(), program="trellis-broker"):
        listed = ["-s", self.server_file] if with_server_file else []
        self.brokers[number] = Process(
            program, "--frontend", f"tcp://{self.frontends[number]}", "--backend", f"tcp://{self.backends[number]}",
            *listed, "-k", self.k, "--partitions", self.partitions, *self.flags, *flags, log=self.folder / f"broker-{number}.log")
        return self.brokers[number]

    def start_worker(self, number, flags=(), program="trellis-worker"):
        backends = [flag for backend in self.backends for flag in ("-b", backend)]
        self.workers[number] = Process(
            program, "-a", "127.0.0.1", "-p", self.ports[number], *backends, "--data", self.data_of(number),
            *self.flags, *flags, log=self.folder / f"worker-{number}.log")
        return self.workers[number]

    def data_of(self, number):
        return self.folder / f"worker-{number}"

    def kill_worker(self, number):
        self.workers[number].kill()

    def kill_broker(self, number=0):
        self.brokers[number].kill()

    def stop(self):
        """Ends everything, however it is; for the end of a test."""
        for process in [*self.brokers, *self.workers]:
            if process is not None and process.is_running:
                process.kill()

    # Looking at it.

    @property
    def frontend(self):
        return self.frontends[0]

    def client(self, broker=0, **settings):
        return Client(self.frontends[broker], **{"user": self.user, **settings})

    def status(self, broker=0):
        """STATUS' map, or an empty one where no broker answers in time."""
        with self.client(broker) as client:
            try:
                return client.call("STATUS", wait=2).result or {}
            except AssertionError:
                return {}

    def members(self, broker=0):
        """MEMBERS' maps by worker number."""
        with self.client(broker) as client:
            reply = client.call("MEMBERS", wait=10)
        assert reply.status == "OK", reply
        by_address = {member["address"]: member for member in reply.result}
        return {number: by_address[self.address_of(number)] for number in range(len(self.ports))
                if self.address_of(number) in by_address}

    def address_of(self, number):
        return f"127.0.0.1:{self.ports[number]}"

    def number_at(self, address):
        return self.ports.index(int(address.rpartition(":")[2]))

    def leader_of(self, key):
        """Number of the worker that leads the key's partition, once there is one."""
        def led():
            with self.client() as client:
                where = client.call("LOCATE", key).result
            return where and where["leader"] is not None and [self.number_at(where["addresses"][where["leader"]])]
        return wait_for(led, f"a leader for {key!r}")[0]

    def wait_until_whole(self, broker=0, seconds=30):
        """Waits until the cluster is formed, every worker is up, and each partition has a leader."""
        def whole():
            status = self.status(broker)
            return (status.get("cluster") is not None and status.get("workers_up") == len(self.workers)
                    and status.get("guaranteed") is True
                    and sum(member["leads"] or 0 for member in self.members(broker).values()) == self.partitions)
        try:
            wait_for(whole, "the whole cluster", seconds, every=0.05)
        except AssertionError as late:
            raise AssertionError(f"{late}\nSTATUS: {self.status(broker)}\n{self.tails()}") from None

    def wait_for_state(self, number, state, broker=0, seconds=10):
        wait_for(lambda: self.members(broker)[number]["state"] == state, f"worker {number} to be {state}", seconds)

    def tails(self, lines=12):
        """The last lines of everyone's output, for a failure's message."""
        return "\n".join(f"--- {process.name} ({'running' if process.is_running else 'ended'})\n{process.tail(lines)}"
                         for process in [*self.brokers, *self.workers] if process is not None)
