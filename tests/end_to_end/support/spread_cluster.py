"""A Cluster each of whose processes lives on a host of its own, in a network of the test's own (support/network.py)."""
import itertools

from .cluster import Cluster
from .delays import Delays
from .processes import PROGRAMS, Process, free_ports

_host_numbers = itertools.count()


class SpreadCluster(Cluster):
    """A Cluster whose processes live on hosts of a Network, where there is one."""

    def __init__(self, folder, network, **settings):
        super().__init__(folder, start=False, **settings)
        self._network = network
        self._hosts = {}
        self._joining = set()  # Numbers of those that are started with --join.
        if network:
            self._worker_addresses = [self._add_host(f"worker-{number}") for number in range(len(self.workers))]
            addresses = [self._add_host(f"broker-{number}") for number in range(len(self.brokers))]
            self.frontends = [f"{address}:7400" for address in addresses]
            self.backends = [f"{address}:7401" for address in addresses]
        else:
            self._worker_addresses = ["127.0.0.1"] * len(self.workers)
        self.server_file.write_text("".join(f"{address} {port}\n" for address, port in zip(self._worker_addresses, self.ports)))

    def _add_host(self, name):
        # Names are the namespaces' too: each run has its own.
        self._hosts[name] = f"{name}-{next(_host_numbers)}"
        return self._network.add_host(self._hosts[name])

    def host(self, name):
        return self._hosts[name]

    def address_of(self, number):
        return f"{self._worker_addresses[number]}:{self.ports[number]}"

    def _start(self, name, program, *flags):
        where = self._network.command_on(self.host(name)) if self._network else []
        command = [*where, str(PROGRAMS / program), "--insecure", *flags]  # No network but the test's own.
        return Process(command[0], *command[1:], log=self.folder / f"{name}.log")

    def start_broker(self, number=0, with_server_file=True, flags=()):
        listed = ["-s", self.server_file] if with_server_file else []
        self.brokers[number] = self._start(
            f"broker-{number}", "trellis-broker", "--frontend", f"tcp://{self.frontends[number]}", "--backend",
            f"tcp://{self.backends[number]}", *listed, "-k", self.k, "--partitions", self.partitions, *self.flags, *flags)

    def start_worker(self, number, flags=()):
        backends = [flag for backend in self.backends for flag in ("-b", backend)]
        self.workers[number] = self._start(
            f"worker-{number}", "trellis-worker", "-a", self._worker_addresses[number], "-p", self.ports[number], *backends,
            "--data", self.data_of(number), *(["--join"] if number in self._joining else []), *self.flags, *flags)

    def add_worker(self):
        """An empty worker that asks to be taken in, on a host of its own. Returns its number."""
        number = len(self.workers)
        self.ports += free_ports(1)
        self._worker_addresses.append(self._add_host(f"worker-{number}") if self._network else "127.0.0.1")
        self.workers.append(None)
        self.join(number)
        return number

    def join(self, number):
        """Starts a worker whose folder is empty."""
        self._joining.add(number)
        self.start_worker(number)

    def pairs(self, one, other):
        """Both ways between two of its processes, by name, as hosts."""
        return [(self.host(one), self.host(other)), (self.host(other), self.host(one))]

    def cut(self, one, *others):
        """Nothing goes between the first of these processes and the others, either way."""
        for other in others:
            for pair in self.pairs(one, other):
                self._network.cut(*pair)

    def heal(self, one, *others):
        for other in others:
            for pair in self.pairs(one, other):
                self._network.heal(*pair)

    def start_far(self, seconds):
        """Starts everything, with `seconds` on the way of whatever its processes say to each other. Returns what
        carries it, to be stopped at the end; `wait_until_whole` may take a minute."""
        backends = [("broker-%d" % number, 7401) for number in range(len(self.brokers))]
        listening = [("worker-%d" % number, port) for number, port in enumerate(self.ports)]
        delays = Delays(self._network, seconds)
        for number in range(len(self.workers)):
            here = f"worker-{number}"
            delays.add(self.host(here), [(self.host(name), port) for name, port in backends + listening if name != here])
        delays.start(self.folder / "delays.log")
        for number in range(len(self.brokers)):
            self.start_broker(number)
        for number in range(len(self.workers)):
            self.start_worker(number)
        return delays
