"""Clients that write while things fail, and keep what was promised to them."""
import threading

from .client import Client


class Writers:
    """Threads that each write increasing numbers to keys of their own, one at a time, until stopped.

    `acknowledged` holds per key the last number answered OK, `uncertain` the number of a write that came after it and may
    have taken effect. `errors` are the replies that were neither OK nor of an unknown outcome.
    """

    def __init__(self, frontends, count=4, keys_each=8, timeout_ms=20_000, user=None):
        self._stopping = threading.Event()
        self.acknowledged = {}
        self.uncertain = {}
        self.errors = []
        self.written = 0
        self._failure = None
        self._threads = [threading.Thread(target=self._guarded, args=(frontends, number, keys_each, timeout_ms, user), daemon=True)
                         for number in range(count)]
        for thread in self._threads:
            thread.start()

    def _guarded(self, *arguments):
        try:
            self._write(*arguments)
        except Exception as failure:  # Told to the test in stop().
            self._failure = failure

    def _write(self, frontends, number, keys_each, timeout_ms, user):
        with Client(frontends[number % len(frontends)], user=user) as client:
            value = 0
            while not self._stopping.is_set():
                value += 1
                key = f"writer{number}.{value % keys_each}"
                reply = client.call("PUT", key, value, timeout_ms=timeout_ms, wait=timeout_ms / 1000 + 10)
                if reply.status == "OK":
                    self.acknowledged[key] = value
                    self.uncertain.pop(key, None)
                    self.written += 1
                elif reply.status == "DEADLINE_EXCEEDED":
                    self.uncertain.setdefault(key, []).append(value)
                else:
                    self.errors.append(reply)

    def stop(self):
        """Ends the threads; a failure in one of them is raised here."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a writer does not end"
        if self._failure:
            raise self._failure
        return self

    def check(self, client):
        """Every key holds the last acknowledged number, or a later one whose outcome is unknown."""
        keys = sorted(self.acknowledged)
        assert keys, "nothing was written"
        reply = client.call("BATCH", [["GET", [key]] for key in keys])
        assert reply.status == "OK", reply
        for key, (status, value, info) in zip(keys, reply.result):
            allowed = [self.acknowledged[key], *self.uncertain.get(key, [])]
            assert status == "OK" and value in allowed, f"{key} is {status} {value} {info}; acknowledged and uncertain: {allowed}"
