"""Under systemd: what the programs say to it, the units that start them, and completion of `trellis` in bash.

No systemd runs where tests run: a socket of the test's own hears what it would be told, and systemd-analyze reads the
units.
"""
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import unittest

from support import EndToEndTest, Process, free_ports, main, run
from support.processes import PROGRAMS, ROOT, clean_environment

PACKAGING = ROOT / "packaging"
UNITS = sorted((PACKAGING / "systemd").glob("*.service"))
# How long the watchdog of these tests waits for a word. A healthy loop gives one in half of it, even on a busy machine.
WATCHDOG_SECONDS = 2.0

_PTRACE_DETACH, _PTRACE_SEIZE, _PTRACE_INTERRUPT = 17, 0x4206, 0x4207
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


class FrozenThread:
    """One thread of a process stands still; the others go on."""

    def __init__(self, thread):
        self._thread = thread

    def __enter__(self):
        ptrace(_PTRACE_SEIZE, self._thread)
        ptrace(_PTRACE_INTERRUPT, self._thread)
        os.waitpid(self._thread, 0x40000000)  # __WALL: also threads.

    def __exit__(self, *_):
        ptrace(_PTRACE_DETACH, self._thread)


class Manager:
    """The socket at which systemd would hear a service."""

    def __init__(self, folder):
        self.path = str(pathlib.Path(folder) / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)

    def close(self):
        self._socket.close()

    def word(self, seconds=30.0):
        """The next one, or None."""
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(4096).decode()
        except TimeoutError:
            return None

    def drain(self):
        while self.word(seconds=0.001) is not None:
            pass


class Words(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.manager = Manager(self.folder)
        self.addCleanup(self.manager.close)

    def start(self, program, *flags, **environment):
        process = Process(program, *flags, log=f"{self.folder}/{program}.log",
                          environment=clean_environment(NOTIFY_SOCKET=self.manager.path, **environment))
        self.addCleanup(process.kill)
        return process

    def programs(self):
        frontend, backend, worker, http = free_ports(4)
        yield "trellis-broker", ("--frontend", f"127.0.0.1:{frontend}", "--backend", f"127.0.0.1:{backend}")
        yield "trellis-worker", ("-p", worker, "-b", f"127.0.0.1:{backend}", "--data", f"{self.folder}/worker")
        yield "trellis-gateway", ("--listen", f"127.0.0.1:{http}", "-b", f"127.0.0.1:{frontend}")

    def test_they_say_that_they_serve_that_their_loop_turns_and_that_they_stop(self):
        for program, flags in self.programs():
            with self.subTest(program=program):
                process = self.start(program, *flags, WATCHDOG_USEC=str(int(WATCHDOG_SECONDS * 1e6)))
                self.assertEqual(self.manager.word(), "READY=1")
                for _ in range(3):
                    self.assertEqual(self.manager.word(WATCHDOG_SECONDS), "WATCHDOG=1")
                self.manager.drain()
                process.signal(signal.SIGTERM)
                said = [word for word in iter(self.manager.word, "STOPPING=1") if word != "WATCHDOG=1"]
                self.assertEqual(said, [])
                self.assertEqual(process.wait(), 0)

    def test_a_loop_that_stands_falls_silent_whatever_other_threads_do(self):
        for program, flags in self.programs():
            with self.subTest(program=program):
                process = self.start(program, *flags, WATCHDOG_USEC=str(int(WATCHDOG_SECONDS * 1e6)))
                self.assertEqual(self.manager.word(), "READY=1")
                with FrozenThread(process.pid):
                    self.manager.drain()
                    self.assertIsNone(self.manager.word(2 * WATCHDOG_SECONDS))
                self.assertEqual(self.manager.word(WATCHDOG_SECONDS), "WATCHDOG=1")
                process.kill()
                self.manager.drain()  # It may have said more than that.

    def test_nobody_is_told_about_the_loop_where_nobody_waits_for_it(self):
        program, flags = next(self.programs())
        process = self.start(program, *flags)
        self.assertEqual(self.manager.word(), "READY=1")
        process.signal(signal.SIGTERM)
        self.assertEqual(self.manager.word(), "STOPPING=1")


@unittest.skipUnless(pathlib.Path("/usr/bin/systemd-analyze").exists(), "systemd-analyze is not installed")
class Units(EndToEndTest):
    def analyze(self, *words):
        return subprocess.run(["systemd-analyze", *map(str, words)], capture_output=True, text=True, check=False, timeout=60)

    def test_systemd_finds_nothing_wrong_with_them(self):
        for unit in UNITS:
            text = unit.read_text(encoding="utf-8").replace("/usr/bin/trellis", f"{PROGRAMS}/trellis")
            ran = self.analyze("verify", "--man=no", self.file(unit.name.replace("@", "@7410"), text))
            said = [line for line in ran.stderr.splitlines() if "trellis" in line]
            self.assertEqual((ran.returncode, said), (0, []), unit.name)

    def test_they_are_exposed_to_little(self):
        for unit in UNITS:
            ran = self.analyze("security", "--offline=true", "--threshold=15", unit)
            self.assertEqual(ran.returncode, 0, f"{unit.name}: {ran.stdout[-200:]}")

    def keys(self):
        """A folder with all that the settings name: the cluster's key, a user's for the gateway, and what TLS needs."""
        folder = self.folder / "keys"
        self.assertEqual(run("trellis", "keys", "init", folder).code, 0)
        shutil.copy(folder / "admin.user", folder / "gateway.user")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                        "/CN=localhost", "-days", "2", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                       check=True, capture_output=True, timeout=30)
        return folder

    @unittest.skipUnless(shutil.which("openssl"), "needs openssl")
    def test_what_they_start_takes_the_settings_that_are_installed(self):
        """The comments of a settings file name flags that are there, with values that are right."""
        self.assertEqual(len(UNITS), 3)
        keys = self.keys()
        for unit in UNITS:
            command = re.search(r"^ExecStart=/usr/bin/(\S+) --config /etc/trellis/(\S+)(.*)$", unit.read_text(encoding="utf-8"), re.M)
            program, settings, flags = command.groups()
            text = re.sub(r"^#(?=[a-z]+ = )", "", (PACKAGING / "settings" / settings).read_text(encoding="utf-8"), flags=re.M)
            text = text.replace("/etc/trellis/servers", str(PACKAGING / "settings" / "servers")).replace("/etc/trellis/keys", str(keys))
            ports = iter(free_ports(6))
            text = re.sub(r"127\.0\.0\.1:\d+", lambda _: f"127.0.0.1:{next(ports)}", text)
            flags = flags.replace("%i", str(next(ports))).replace("/var/lib/trellis", str(self.folder)).split()
            manager = Manager(self.folder)
            process = Process(program, "--config", self.file(settings, text), *flags, log=f"{self.folder}/{program}.log",
                              environment=clean_environment(NOTIFY_SOCKET=manager.path))
            self.addCleanup(process.kill)
            self.assertEqual(manager.word(), "READY=1", f"{unit.name}: {process.tail()}")
            process.kill()
            manager.close()
            os.unlink(manager.path)


class Completion(EndToEndTest):
    def complete(self, *words, environment=None):
        script = f"""
            source {PACKAGING}/trellis.bash-completion
            COMP_WORDS=("$@")
            COMP_CWORD=$(($# - 1))
            _trellis
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        ran = subprocess.run(["bash", "-c", script, "bash", "trellis", *words], capture_output=True, text=True, check=True, timeout=60,
                             env=clean_environment(PATH=f"{PROGRAMS}:{os.environ['PATH']}"), cwd=self.folder)
        self.assertEqual(ran.stderr, "")
        return ran.stdout.split()

    def test_names_and_flags_are_those_of_the_help(self):
        names = self.complete("")
        for name in ("up", "down", "load", "export", "doctor", "ready", "get", "put", "patch", "increment", "keys", "status", "ping", "help"):
            self.assertIn(name, names)
        for name in names:
            if name != "help":
                self.assertRan(run("trellis", "help", name) if name not in ("up", "down", "load", "export", "generate", "bench", "doctor", "ready")
                               else run("trellis", name, "--help"), 0)
        self.assertEqual(self.complete("expo"), ["export"])
        self.assertEqual(self.complete("help", "incr"), ["increment"])
        self.assertIn("--broker", self.complete("--bro"))
        self.assertIn("--key-field", self.complete("load", "--key"))

    def test_files_and_keys(self):
        self.file("records.txt", "")
        self.assertEqual(self.complete("load", "rec"), ["records.txt"])
        cluster = self.start_cluster(workers=1, k=1)
        for key in ("person1", "person2", "place"):
            self.assertRan(run("trellis", "-b", cluster.frontend, "put", key, "1"), 0)
        self.assertEqual(self.complete("-b", cluster.frontend, "get", "per"), ["person1", "person2"])
        self.assertEqual(self.complete("get", "per"), [], "where nothing answers")


if __name__ == "__main__":
    main()
