#!/usr/bin/env python3
"""Locks that nobody holds for ever, with fencing tokens, on Trellis' expiry.

A lock is a document that exists once (`if_absent`) and goes by itself (`ttl_ms`). Its version is the fencing token: it
grows from holder to holder. A holder that stood still for too long has lost the lock without knowing it; what the lock
protects refuses it by its smaller token.

    PYTHONPATH=clients/python examples/lock_service.py NAME 127.0.0.1:7400   # holds the lock until Enter is typed
"""
import sys
import time

import trellis


class Lock:
    def __init__(self, client, name, ttl_ms=10_000):
        self._client, self._key, self._ttl_ms = client, f"lock:{name}", ttl_ms
        self.token = None
        """While the lock is held, as far as is known here."""

    def acquire(self, holder, seconds=60.0):
        """The fencing token; None where it was not to be had within that time."""
        until = time.monotonic() + seconds
        while self.token is None and time.monotonic() < until:
            try:
                self.token = self._client.call("PUT", self._key, holder, if_absent=True, ttl_ms=self._ttl_ms).version
            except trellis.AlreadyExists:
                time.sleep(0.05)
        return self.token

    def renew(self):
        """Holds it longer. False: it has gone meanwhile, and may be another's."""
        try:
            if self.token is not None and self._client.expire(self._key, self._ttl_ms, if_version=self.token):
                return True
        except trellis.FailedPrecondition:
            pass
        self.token = None
        return False

    def release(self):
        try:
            if self.token is not None:
                self._client.delete(self._key, if_version=self.token)
        except trellis.FailedPrecondition:
            pass  # It had gone by itself.
        self.token = None


class Protected:
    """A value that is written under the lock alone: a token that is smaller than the last one's is refused."""

    def __init__(self, client, key):
        self._client, self._key = client, key

    def read(self):
        return self._client.get(self._key, default={"token": 0, "value": None})["value"]

    def write(self, value, token):
        """False: another has held the lock since."""
        while True:
            try:
                held, version = self._client.get_with_version(self._key)
                condition = {"if_version": version}
            except trellis.NotFound:
                held, condition = {"token": 0}, {"if_absent": True}
            if held["token"] > token:
                return False
            try:
                self._client.put(self._key, {"token": token, "value": value}, **condition)
                return True
            except (trellis.FailedPrecondition, trellis.AlreadyExists):
                continue  # Somebody wrote in between: look again.


if __name__ == "__main__":
    with trellis.Client(*sys.argv[2:]) as connected:
        lock = Lock(connected, sys.argv[1])
        print("token", lock.acquire("an example"), flush=True)
        sys.stdin.readline()
        lock.release()
