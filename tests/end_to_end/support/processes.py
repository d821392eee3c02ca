"""Trellis' programs as real processes.

Everything started here ends with the test that started it, whatever becomes of the test: each process gets a process
group of its own, the kernel kills it when the test's process dies (PR_SET_PDEATHSIG), and what daemonized itself is
found by the name of the test's folder, which all its command lines carry.
"""
import ctypes
import os
import pathlib
import random
import signal
import socket
import subprocess

from .waiting import wait_for

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAMS = pathlib.Path(os.environ.get("TRELLIS_BIN", ROOT / "build" / "bin"))

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
# Below the range from which the kernel takes the ports of outgoing connections.
_PORTS = range(20000, 32000)


def free_ports(count):
    """`count` different TCP ports on which nothing listens now."""
    found = []
    while len(found) < count:
        port = random.choice(_PORTS)
        if port not in found and not is_listening(port) and _can_bind(port):
            found.append(port)
    return found


def _can_bind(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_listening(port):
    """Whether something accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def clean_environment(**extra):
    """The environment without any setting of Trellis, so that a developer's shell does not change a test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRELLIS_")}
    return {**kept, "LC_ALL": "C.UTF-8", **extra}


def die_with_parent():
    """Run in the child before exec."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def kill_group(leader):
    """Kills what is left of the process group that this process led."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass


def kill_all_of(folder):
    """Kills every process whose command line names `folder` (a test's own temporary one)."""
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes()
            if os.fsencode(str(folder)) in words:
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:
            pass  # It ended meanwhile, or is not ours.


class Process:
    """One running program. Its standard output and error go to the file `log`."""

    def __init__(self, program, *flags, log, cwd=None, environment=None):
        self.name = pathlib.Path(log).stem
        self.log = pathlib.Path(log)
        self.command = [str(PROGRAMS / program), *map(str, flags)]
        with open(self.log, "ab") as output:
            self._popen = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd,
                env=environment or clean_environment(), start_new_session=True, preexec_fn=die_with_parent)

    @property
    def pid(self):
        return self._popen.pid

    @property
    def is_running(self):
        return self._popen.poll() is None

    def signal(self, number):
        self._popen.send_signal(number)

    def kill(self):
        """SIGKILL, as a crash would be."""
        self._popen.kill()
        self._popen.wait()

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def stop(self, seconds=15):
        """SIGTERM and the exit code; one that does not end is killed, and that is a failure."""
        if not self.is_running:
            return self._popen.returncode
        self.resume()
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds=15):
        """The exit code, once it has ended by itself."""
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {seconds} s; its output:\n{self.tail()}") from None

    def output(self):
        return self.log.read_text(errors="replace")

    def tail(self, lines=30):
        return "\n".join(self.output().splitlines()[-lines:])

    def wait_for_output(self, text, seconds=20):
        """Waits until `text` stands in the output."""
        wait_for(lambda: text in self.output(), f"{text!r} in the output of {self.name}", seconds)
