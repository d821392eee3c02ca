#!/usr/bin/env python3
"""A rate limiter and sessions for a web service, on Trellis' expiry.

`RateLimiter` admits so many requests of each client in a window that begins with the first of them; `Sessions` end when
they are not used for a while. Neither looks at a clock of its own: how long things last, the cluster counts.

    PYTHONPATH=clients/python examples/rate_limiter.py 127.0.0.1:7400   # a client's name a line: allowed, or denied
"""
import secrets
import sys

import trellis


class RateLimiter:
    def __init__(self, client, limit, window_ms):
        self._client, self._limit, self._window_ms = client, limit, window_ms

    def admits(self, who):
        """Whether `who` may do one more: counted exactly once, however often the request had to be sent."""
        key, one_more = f"rate:{who}", [["increment", [], 1]]
        while True:
            try:
                # A PATCH keeps the time that was set, so the window ends when it was to end.
                return self._client.patch(key, one_more, if_present=True)[0] <= self._limit
            except trellis.NotFound:
                pass
            try:
                return self._client.patch(key, one_more, if_absent=True, ttl_ms=self._window_ms)[0] <= self._limit
            except trellis.AlreadyExists:
                continue  # Somebody else has begun the window meanwhile.


class Sessions:
    def __init__(self, client, idle_ms):
        self._client, self._idle_ms = client, idle_ms

    def begin(self, user):
        """The token of a new session."""
        token = secrets.token_urlsafe(16)
        self._client.put(f"session:{token}", {"user": user}, if_absent=True, ttl_ms=self._idle_ms)
        return token

    def user_of(self, token):
        """Whose session it is, which lasts on from now; None where it has ended."""
        key = f"session:{token}"
        session = self._client.get(key, default=None)
        if session is None or not self._client.expire(key, self._idle_ms):
            return None
        return session["user"]

    def end(self, token):
        self._client.delete(f"session:{token}")


if __name__ == "__main__":
    with trellis.Client(*sys.argv[1:]) as connected:
        limiter = RateLimiter(connected, limit=5, window_ms=10_000)
        for line in sys.stdin:
            print("allowed" if limiter.admits(line.strip()) else "denied", flush=True)
