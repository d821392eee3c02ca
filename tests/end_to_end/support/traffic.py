"""Clients that ask for everything at once and write down what they asked and were told, in the form of sim/checker/history.hpp.

Every document is written once, so that a read tells which write it saw. A write that was not answered, or whose outcome
the broker does not know, is sent again under the same session and seq, through another broker, and recorded as an
operation of its own. Each client is a thread with sockets of its own; `History` may be used by all of them.
"""
import json
import random
import threading
import time

import msgpack

from .client import Client

_ATTEMPTS = 4


def now_us():
    return time.monotonic_ns() // 1000


def quoted(text):
    """Bytes, or the text's UTF-8, in the quotes of the history's form."""
    return json.dumps((text if isinstance(text, bytes) else text.encode()).decode("latin-1"))


class History:
    """Operations, one line each, in the order in which they ended."""

    def __init__(self, partitions):
        self._lines = ["trellis-history 1", f"partitions {partitions}"]
        self.counts = {}

    def add(self, call, returned, client, command, key, arguments, status, result="", info=None):
        """`arguments` and `result` are text in the history's form; `status` is None where no answer came."""
        told = [] if info is None else [f"version={info['version']}"] if "version" in info else []
        if info and info.get("more"):
            told.append("more")
        if info and info.get("guaranteed") is False:
            told.append("unguaranteed")
        words = [str(call), "-" if status is None else str(returned), client, command, quoted(key), arguments, "=>",
                 status or "UNKNOWN", result, *told]
        self._lines.append(" ".join(word for word in words if word))
        name = status or "UNKNOWN"
        self.counts[name] = self.counts.get(name, 0) + 1  # An estimate: threads may overwrite each other's.

    def __len__(self):
        return len(self._lines) - 2

    def write(self, path):
        path.write_text("\n".join(self._lines) + "\n")


def result_text(command, reply):
    """The reply's result as it stands in a history; nothing with an error."""
    if reply.status != "OK":
        return ""
    if command in ("PUT", "SET", "HAS", "DELETE"):
        return "true" if reply.result else "false"
    if command in ("GET", "POP", "QUERY"):
        return quoted(reply.packed_result)
    if command == "KEYS":
        return " ".join(quoted(key) for key in reply.result)
    if command == "SCAN":
        return " ".join(f"{quoted(key)} {quoted(msgpack.packb(document))}" for key, document in reply.result)
    return str(reply.result)


class _Item:
    """What a BATCH's item was told, in a Reply's place."""

    def __init__(self, status, result, info):
        self.status, self.result, self.info = status, result, info
        self.packed_result = msgpack.packb(result)


class RecordingClient:
    """One client's requests, one after another, all of them recorded."""

    def __init__(self, name, frontends, keys, history, seed, user=None):
        self.name, self._keys, self._history = name, keys, history
        self._random = random.Random(seed)
        self._sockets = [Client(frontend, user=user) for frontend in frontends]
        self._at = self._random.randrange(len(frontends))
        self._session = f"{name}-{self._random.getrandbits(64):x}"
        self._seq = 0
        self._written = 0
        self._versions = {}  # Seen last, for conditions that have a chance to hold.

    def close(self):
        for socket in self._sockets:
            socket.close()

    def step(self):
        """One request drawn at random, and what it takes to know its outcome."""
        draw = self._random.random()
        for share, step in ((0.34, self._put), (0.42, self._remove), (0.76, self._read), (0.84, self._list), (1, self._batch)):
            if draw < share:
                return step()

    def read_all(self):
        """Reads every key and the listings, each until it is answered for good; False where one is not."""
        asked = [("GET", key) for key in self._keys] + [(command, "") for command in ("KEYS", "SCAN", "COUNT")]
        return all(self._read_for_good(command, key) for command, key in asked)

    def _read_for_good(self, command, key, seconds=12):
        """A broker that has only just been woken sends nothing on for a second, and says so."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            reply = self._ask(command, key, [key], "", {"timeout_ms": 10_000}, wait=12)
            if reply is None or reply.status != "UNAVAILABLE":
                return reply is not None and reply.status in ("OK", "NOT_FOUND") and reply.info.get("guaranteed") is not False
            time.sleep(0.05)
        return False

    # Requests.

    def _document(self):
        self._written += 1
        return {"id": f"{self.name}.{self._written}", "n": self._written, "pad": "x" * self._random.choice((0, 10, 300))}

    def _condition(self, key, command):
        """Options of the request, and the same as text."""
        draw = self._random.random()
        if draw < 0.15 and command == "PUT":
            return {"if_absent": True}, "if_absent"
        if draw < 0.4 and key in self._versions:
            return {"if_version": self._versions[key]}, f"if_version={self._versions[key]}"
        return {}, ""

    def _put(self):
        key, document = self._random.choice(self._keys), self._document()
        options, text = self._condition(key, "PUT")
        self._write("PUT", key, [key, document], f"{quoted(msgpack.packb(document))} {text}", options)

    def _remove(self):
        key = self._random.choice(self._keys)
        command = self._random.choice(("DELETE", "POP"))
        options, text = self._condition(key, command) if command == "DELETE" else ({}, "")
        self._write(command, key, [key], text, options)

    def _read(self):
        key = self._random.choice(self._keys)
        command = self._random.choice(("GET", "GET", "HAS", "QUERY"))
        stale = self._random.random() < 0.1
        options = {"timeout_ms": self._timeout_ms(), **({"consistency": "stale"} if stale else {})}
        path, text = ([key, "id"], '"id" ') if command == "QUERY" else (key, "")
        reply = self._ask(command, key, [path], text + ("stale" if stale else ""), options)
        if reply is not None and reply.status == "OK" and "version" in reply.info:
            self._versions[key] = reply.info["version"]

    def _list(self):
        command = self._random.choice(("KEYS", "SCAN", "COUNT"))
        prefix = self._random.choice(("", self._keys[0][:1], self._random.choice(self._keys)))
        arguments, text = [prefix], ""
        if command != "COUNT":
            limit = self._random.choice((3, 10, 1000))
            arguments.append(limit)
            text = f"limit={limit}"
            if self._random.random() < 0.3:
                after = self._random.choice(self._keys)
                arguments.append(after)
                text += f" after={quoted(after)}"
        self._ask(command, prefix, arguments, text, {"timeout_ms": self._timeout_ms()})

    def _batch(self):
        items, texts = [], []
        for _ in range(self._random.randint(2, 6)):
            command = self._random.choice(("PUT", "PUT", "GET", "DELETE", "POP"))
            key = self._random.choice(self._keys)
            document = self._document() if command == "PUT" else None
            items.append([command, [key, document] if command == "PUT" else [key]])
            texts.append(quoted(msgpack.packb(document)) if command == "PUT" else "")
        self._seq += 1
        number = now_us() * 1000 + self._random.randrange(1000)  # Names the batch: alike for no two requests.
        begin = now_us()
        for attempt in range(_ATTEMPTS):
            call = now_us()
            reply = self._exchange("BATCH", [items], self._options(session=True))
            returned = now_us()
            # A BATCH that failed as a whole tells the same of each item.
            answers = ([_Item(*answer) for answer in reply.result] if reply is not None and reply.status == "OK"
                       else [_Item(reply.status, None, reply.info) if reply else None] * len(items))
            for item, ((command, arguments), text, answer) in enumerate(zip(items, texts, answers)):
                # A read among writes of its key is remembered as they are: sent again, it gets the first reply.
                is_read = command == "GET"
                who = "" if is_read else f"session={quoted(self._session)} seq={self._seq} "
                self._record(begin if is_read else call, returned, command, arguments[0], f"{text} {who}item={item} batch={number + attempt}", answer)
            if not any(self._is_open(answer) for answer in answers):
                return

    # Sending and recording.

    def _timeout_ms(self):
        return self._random.choice((300, 1000, 3000))

    def _options(self, session, **more):
        identity = {"session": self._session, "seq": self._seq} if session else {}
        return {"timeout_ms": self._timeout_ms(), **identity, **more}

    def _write(self, command, key, arguments, text, options):
        """With a session it is sent again until its outcome is known; without one it is sent once."""
        in_session = self._random.random() < 0.8
        self._seq += 1 if in_session else 0
        who = f" session={quoted(self._session)} seq={self._seq}" if in_session else ""
        for _ in range(_ATTEMPTS if in_session else 1):
            reply = self._ask(command, key, arguments, text + who, self._options(in_session, **options))
            if not self._is_open(reply):
                if reply.status == "OK" and "version" in reply.info:
                    self._versions[key] = reply.info["version"]
                return

    @staticmethod
    def _is_open(reply):
        return reply is None or reply.status in ("DEADLINE_EXCEEDED", "UNAVAILABLE", "RESOURCE_EXHAUSTED")

    def _ask(self, command, key, arguments, text, options, wait=None):
        call = now_us()
        reply = self._exchange(command, arguments, options, wait)
        self._record(call, now_us(), command, key, text, reply)
        return reply

    def _record(self, call, returned, command, key, text, reply):
        if reply is None:
            self._history.add(call, None, self.name, command, key, text, None)
        else:
            self._history.add(call, returned, self.name, command, key, text, reply.status, result_text(command, reply), reply.info)

    def _exchange(self, command, arguments, options, wait=None):
        """The reply, or None where none came in time; then the next request goes to the next broker."""
        try:
            # A broker that lives answers by the timeout; a request to one that died is lost.
            return self._sockets[self._at].call(command, *arguments, wait=wait or options["timeout_ms"] / 1000 + 0.5, **options)
        except AssertionError:
            self._at = (self._at + 1) % len(self._sockets)
            return None


class Traffic:
    """Clients in threads, until stop()."""

    def __init__(self, count, frontends, keys, history, seed, user=None):
        self.errors = []
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(f"c{number}", frontends, keys, history, f"{seed}.{number}", user),
                                          daemon=True) for number in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self, name, *rest):
        try:
            client = RecordingClient(name, *rest)
            while not self._stopping.is_set():
                client.step()
            client.close()
        except Exception as error:  # Told by the test: a thread's traceback fails nothing.
            self.errors.append(f"{name}: {error!r}")

    def stop(self, seconds=60):
        self._stopping.set()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
            if thread.is_alive():
                self.errors.append(f"{thread.name} is stuck")
