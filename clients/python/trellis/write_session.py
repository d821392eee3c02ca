"""The names under which a client sends its writes, so that it can send any of them again."""
from __future__ import annotations

import secrets


class WriteSession:
    """A session drawn at random, and seqs from 1. Every seq below `floor` is done with: it is not sent any more, and
    replicas that are told so take a copy that comes late for what it is."""

    def __init__(self) -> None:
        self.id = secrets.token_bytes(16)
        self.floor = 1
        self._next = 1
        self._done: set[int] = set()

    def issue(self) -> int:
        seq = self._next
        self._next += 1
        return seq

    def on_done(self, seq: int) -> None:
        """The write was answered, or given up. Called once for each that was issued."""
        self._done.add(seq)
        while self.floor in self._done:
            self._done.remove(self.floor)
            self.floor += 1
