"""Distance between processes: a forwarder that holds back what they say to each other, where the kernel has no netem.

Each host of a Network gets the addresses of those that it speaks to on its own loopback, and there the forwarder
listens; what is said to it goes on, later by the same time each way, to whoever has that address. So nobody is
configured differently, and one process carries all of it. Its connections are made at once: what is simulated is the
way of the bytes, not TCP's own handshake.

Run as a program it reads lines `NAMESPACE ADDRESS PORT` from standard input, and its first argument is the delay.
"""
import asyncio
import collections
import ctypes
import os
import socket
import subprocess
import sys

from .processes import clean_environment, die_with_parent
from .waiting import wait_for

_NEW_NETWORK = 0x40000000
_AT_ONCE = 256 * 1024
_READY = "forwarding"


class Delays:
    """What is said between hosts of `network` takes so many seconds, one way."""

    def __init__(self, network, seconds):
        self._network, self._seconds = network, seconds
        self._lines = []
        self._popen = None

    def add(self, host, targets):
        """What `host` says to each (host, port), and what comes back, is delayed."""
        for target in {name for name, _ in targets}:
            self._network.add_alias(host, target)
        self._lines += [f"{host} {self._network.address_of(target)} {port}\n" for target, port in targets]

    def start(self, log):
        with open(log, "wb") as output:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "support.delays", str(self._seconds)], stdin=subprocess.PIPE, stdout=output,
                stderr=output, env=clean_environment(), start_new_session=True, preexec_fn=die_with_parent,
                cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self._popen.stdin.write("".join(self._lines).encode())
        self._popen.stdin.close()
        wait_for(lambda: _READY in log.read_text(), "the delaying forwarder")

    def stop(self):
        self._popen.kill()
        self._popen.wait()


class _Namespaces:
    """Sockets in any of the namespaces, by this one process: they stay in the one that they were made in."""

    def __init__(self):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY)

    def listen(self, namespace, address, port):
        there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        try:
            self._enter(there)
            listener = socket.create_server((address, port))
        finally:
            self._enter(self._home)
            os.close(there)
        return listener

    def _enter(self, descriptor):
        if self._libc.setns(descriptor, _NEW_NETWORK) != 0:
            raise OSError(ctypes.get_errno(), "setns")


async def _carry(reader, writer, seconds):
    """Whatever is read is written so much later; reading goes on meanwhile."""
    loop = asyncio.get_running_loop()
    under_way = collections.deque()
    arrived = asyncio.Event()

    async def write():
        while True:
            while not under_way:
                arrived.clear()
                await arrived.wait()
            due, data = under_way.popleft()
            await asyncio.sleep(max(0, due - loop.time()))
            if not data:
                return
            writer.write(data)
            await writer.drain()

    writing = asyncio.create_task(write())
    try:
        data = True
        while data:
            try:
                data = await reader.read(_AT_ONCE)
            except OSError:
                data = b""
            under_way.append((loop.time() + seconds, data))
            arrived.set()
        await writing
    except OSError:
        pass  # The other end is gone; so is this one, below.
    finally:
        writing.cancel()
        writer.close()


async def _forward(lines, seconds):
    namespaces = _Namespaces()
    servers = []
    for line in lines:
        namespace, address, port = line.split()

        async def accept(reader, writer, address=address, port=int(port)):
            try:
                far_reader, far_writer = await asyncio.open_connection(address, port)
            except OSError:
                return writer.close()
            await asyncio.gather(_carry(reader, far_writer, seconds), _carry(far_reader, writer, seconds))

        servers.append(await asyncio.start_server(accept, sock=namespaces.listen(namespace, address, int(port))))
    print(_READY, len(servers), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(_forward(sys.stdin.readlines(), float(sys.argv[1])))
