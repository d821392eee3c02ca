"""A program on a terminal of its own (a pty), typed into and read as a person would."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from .processes import PROGRAMS, clean_environment, die_with_parent

_ESCAPES = re.compile(rb"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[()][A-Z0-9]|[=>78])")


class Terminal:
    """The program sees a terminal on its three streams; `seen` is everything it has shown, without escape sequences."""

    def __init__(self, program, *words, rows=None, **environment):
        """`rows`: the height of its window, 80 wide; None: it has no size, as where no person sits."""
        self._master, slave = pty.openpty()
        if rows is not None:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))
        self._raw = b""
        self._popen = subprocess.Popen(
            [str(PROGRAMS / program), *map(str, words)], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=die_with_parent, env=clean_environment(TERM="xterm", COLUMNS="120", LINES="40", **environment))
        os.close(slave)
        self._mark = 0

    @property
    def seen(self):
        return _ESCAPES.sub(b"", self._raw).replace(b"\r", b"").decode(errors="replace")

    def type(self, text):
        """Types; what is expected after it is looked for behind this point."""
        self._mark = len(self.seen)
        os.write(self._master, text.encode())

    def expect(self, text, seconds=15):
        """Waits until `text` is shown after what was typed last."""
        deadline = time.monotonic() + seconds
        while text not in self.seen[self._mark:]:
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"waited for {text!r}; the terminal shows:\n{self.seen}")

    def _read(self, seconds):
        if seconds <= 0 or not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            more = os.read(self._master, 65536)
        except OSError:  # The other side has gone.
            return False
        self._raw += more
        return bool(more)

    def wait(self, seconds=15):
        """The exit code, when it ends by itself; reads on meanwhile."""
        deadline = time.monotonic() + seconds
        while self._read(deadline - time.monotonic()):
            pass
        try:
            return self._popen.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end; the terminal shows:\n{self.seen}") from None

    def close(self):
        self._popen.kill()
        self._popen.wait()
        os.close(self._master)
