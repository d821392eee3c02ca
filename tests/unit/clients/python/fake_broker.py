"""A broker in the test's own process: a ROUTER on a free port of 127.0.0.1 that answers as the test says."""
import dataclasses
import threading

import msgpack
import zmq


@dataclasses.dataclass(frozen=True)
class Asked:
    """A request as it came."""
    id: int
    command: str
    arguments: list
    options: dict
    frame: bytes
    copy: int
    """How many of the same bytes came before it."""


def ok(result=None, **info):
    return "OK", result, info


def error(status, **info):
    return status, None, {"message": "so it is said", **info}


SILENCE = None
"""An answer that never leaves: the reply is lost, or is yet to come."""


class FakeBroker:
    """`answer` is called with each request, and gives `(status, result, info)` or SILENCE."""

    def __init__(self, answer=lambda asked: ok()):
        self.answer = answer
        self.requests = []
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self.endpoint = f"127.0.0.1:{self._socket.bind_to_random_port('tcp://127.0.0.1')}"
        self._later = []
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def reply(self, asked, answer):
        """Answers a request whose answer was SILENCE."""
        with self._lock:
            self._later.append((asked, answer))

    def stop(self):
        """Closes all connections, as a crash would."""
        self._stopping.set()
        self._thread.join()

    def _run(self):
        senders = {}
        while not self._stopping.is_set():
            with self._lock:
                later, self._later = self._later, []
            for asked, answer in later:
                self._send(senders[asked.frame], asked, answer)
            if self._socket.poll(5):
                sender, frame = self._socket.recv_multipart()
                _, id_, command, arguments, options = msgpack.unpackb(frame)
                asked = Asked(id_, command, arguments, options, frame, sum(each.frame == frame for each in self.requests))
                self.requests.append(asked)
                senders[frame] = sender
                self._send(sender, asked, self.answer(asked))
        self._context.destroy(linger=0)

    def _send(self, sender, asked, answer):
        if answer is not SILENCE:
            self._socket.send_multipart([sender, msgpack.packb([1, asked.id, *answer])])
