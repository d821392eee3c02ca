"""A network of the test's own: each worker and broker in a network namespace, all on one bridge, and cuts between them.

The test moves itself into fresh network and mount namespaces first (`enter`), so that all of it is gone when its
processes are, however they end, and tests beside it see nothing of it. A cut is one-way: the sender is given a hardware
address of the receiver at which nobody listens, so its packets leave and never arrive, and nobody is told.
"""
import itertools
import os
import shutil
import subprocess

from . import namespaces

_NOBODY = "02:00:00:00:00:99"
_BRIDGE = "10.99.0.1/16"


class NotAllowed(Exception):
    """Network namespaces cannot be made here; the message says why."""


def enter():
    """Moves this process (which must have one thread) into namespaces of its own, with the bridge in it."""
    # Tried by another process first: this one must not be left in a network where not even the loopback is up.
    if not namespaces.is_allowed(_try):
        raise NotAllowed("network namespaces are not allowed; the line above says why")
    _enter()


def _try():
    _enter()
    network = Network()
    network.add_host("a-try")
    _run(*network.command_on("a-try"), "true")


def _enter():
    namespaces.unshare(namespaces.NEW_NETWORK | namespaces.NEW_MOUNTS)
    os.makedirs("/run/netns", exist_ok=True)
    _run("mount", "-t", "tmpfs", "none", "/run/netns")
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "bridge", "type", "bridge")
    _run("ip", "address", "add", _BRIDGE, "dev", "bridge")
    _run("ip", "link", "set", "bridge", "up")


class Network:
    """Hosts by name, each with an address. Of the namespaces that `enter` made; one Network a process."""

    def __init__(self):
        self._addresses = {}
        self._cuts = set()
        self._numbers = itertools.count(2)

    def add_host(self, name):
        """Makes the host and returns its address."""
        number = next(self._numbers)
        address = self._addresses[name] = f"10.99.{number >> 8}.{number & 255}"
        _run("ip", "netns", "add", name)
        _run("ip", "link", "add", f"port-{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "link", "set", f"port-{number}", "master", "bridge", "up")
        _run("ip", "-n", name, "address", "add", f"{address}/16", "dev", "eth0")
        _run("ip", "-n", name, "link", "set", "eth0", "up")
        _run("ip", "-n", name, "link", "set", "lo", "up")
        return address

    def remove_hosts(self):
        """All of them, once nothing runs there any more."""
        for name in self._addresses:
            _run("ip", "netns", "delete", name)
        self._addresses.clear()
        self._cuts.clear()

    def address_of(self, host):
        return self._addresses[host]

    def add_alias(self, host, other):
        """From now on `host` keeps what it sends to `other` to itself, without telling the network that it is `other`."""
        _run(*self.command_on(host), "sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/eth0/arp_ignore")
        _run("ip", "-n", host, "address", "add", f"{self._addresses[other]}/32", "dev", "lo")

    @staticmethod
    def command_on(host):
        """What to put in front of a command so that it runs there, in the same process."""
        return [shutil.which("ip"), "netns", "exec", host]

    def cut(self, sender, receiver):
        """Nothing that `sender` sends reaches `receiver` any more."""
        if (sender, receiver) not in self._cuts:
            self._cuts.add((sender, receiver))
            _run("ip", "-n", sender, "neighbour", "replace", self._addresses[receiver], "lladdr", _NOBODY, "dev", "eth0",
                 "nud", "permanent")

    def heal(self, sender, receiver):
        if (sender, receiver) in self._cuts:
            self._cuts.remove((sender, receiver))
            _run("ip", "-n", sender, "neighbour", "del", self._addresses[receiver], "dev", "eth0")

    def limit(self, host, rate):
        """What `host` sends leaves at so many bytes a second, however many there are whom it speaks to. NotAllowed where
        this kernel has no such queue."""
        try:
            _run("ip", "netns", "exec", host, "tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate",
                 f"{int(rate) * 8}bit", "burst", "16kb", "latency", "200ms")
        except subprocess.CalledProcessError as failed:
            raise NotAllowed(f"this kernel cannot limit a link's rate: {failed.stderr.strip()}") from None

    def lose(self, host, share):
        """So much of what is sent to `host` never arrives. NotAllowed where iptables, or its module, is not there."""
        try:
            _run("ip", "netns", "exec", host, "iptables", "-A", "INPUT", "-i", "eth0", "-m", "statistic", "--mode", "random",
                 "--probability", str(share), "-j", "DROP")
        except (subprocess.CalledProcessError, FileNotFoundError) as failed:
            raise NotAllowed(f"packets cannot be lost here: {getattr(failed, 'stderr', failed)}".strip()) from None


def _run(*command):
    subprocess.run(command, check=True, capture_output=True, text=True)
