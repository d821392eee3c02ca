"""A client of Trellis written from docs/protocol.md alone: ZeroMQ and MessagePack, no line of the project's own code."""
import dataclasses
import itertools
import pathlib
import random
import time

import msgpack
import zmq

_context = zmq.Context.instance()


@dataclasses.dataclass(frozen=True)
class Reply:
    """`[version, id, status, result, info]`, and the result as the bytes that came."""
    status: str
    result: object
    info: dict
    id: int = 0
    version: int = 1
    packed_result: bytes = b""

    @classmethod
    def of(cls, frame):
        version, id_, status, result, info = msgpack.unpackb(frame, strict_map_key=False)
        return cls(status, result, info, id_, version, _fourth(frame))

    @property
    def message(self):
        return self.info.get("message", "")


def _fourth(frame):
    """The bytes of the fourth element of the array in `frame`."""
    unpacker = msgpack.Unpacker(max_buffer_size=len(frame), strict_map_key=False)
    unpacker.feed(frame)
    unpacker.read_array_header()
    for _ in range(3):
        unpacker.skip()
    begin = unpacker.tell()
    unpacker.skip()
    return frame[begin:unpacker.tell()]


def request_frame(id_, command, arguments=(), options=None, version=1):
    """A request's frame. Arguments that are `Packed` go in as the bytes they are."""
    packer = msgpack.Packer()
    packed = b"".join(item.bytes if isinstance(item, Packed) else packer.pack(item) for item in arguments)
    head = packer.pack_array_header(5) + packer.pack(version) + packer.pack(id_) + packer.pack(command)
    return head + packer.pack_array_header(len(arguments)) + packed + packer.pack(options)


@dataclasses.dataclass(frozen=True)
class Packed:
    """A value that is packed already, perhaps in a way that no library would."""
    bytes: bytes


def keys_in(path):
    """The keys of a key file by their names, each as 40 characters (Z85)."""
    lines = (line.split("=", 1) for line in pathlib.Path(path).read_text().splitlines() if line and not line.startswith("#"))
    return {name.strip(): value.strip().encode() for name, value in lines}


def show_key(socket, user):
    """Before connect(). A cluster's own key is shown as a user's, too."""
    keys = keys_in(user)
    socket.curve_serverkey = keys.get("server", keys["public"])
    socket.curve_publickey, socket.curve_secretkey = keys["public"], keys["secret"]


class Client:
    """One socket to one broker (or, with several endpoints, to several). Not thread-safe, as ZeroMQ's sockets are not."""

    def __init__(self, *endpoints, kind=zmq.DEALER, receive_limit=1000, receive_buffer=None, user=None, routing_id=None):
        """@param user  the path of a user's key file, whose key is shown"""
        self.socket = _context.socket(kind)
        self.socket.linger = 0
        self.socket.sndhwm = 0
        if user is not None:
            show_key(self.socket, user)
        if routing_id is not None:
            self.socket.routing_id = routing_id
        self.socket.rcvhwm = receive_limit
        if receive_buffer is not None:
            self.socket.setsockopt(zmq.RCVBUF, receive_buffer)
        for endpoint in endpoints:
            self.socket.connect(endpoint if "://" in endpoint else f"tcp://{endpoint}")
        self._ids = itertools.count(random.getrandbits(32) + 1)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, command, *arguments, wait=30.0, **options):
        """Sends a request and waits for its reply. Options are the protocol's."""
        return self.receive(self.send(command, *arguments, **options), wait)

    def send(self, command, *arguments, **options):
        """Sends a request without waiting and returns its id."""
        id_ = next(self._ids)
        self.socket.send(request_frame(id_, command, arguments, options))
        return id_

    def receive(self, id_=None, wait=30.0):
        """The next reply, or the next with this id: those to requests given up earlier are passed over."""
        deadline = time.monotonic() + wait
        while True:
            reply = Reply.of(self.receive_frames(deadline - time.monotonic())[-1])
            if id_ is None or reply.id == id_:
                return reply

    def receive_frames(self, wait=30.0):
        if not self.socket.poll(max(0, int(wait * 1000))):
            raise AssertionError(f"no reply within {wait:.1f} s")
        return self.socket.recv_multipart()

    def exchange(self, *frames, wait=30.0):
        """Sends these frames as one message and returns the frames of the message that comes back."""
        self.socket.send_multipart(frames)
        return self.receive_frames(wait)

    def is_silent(self, seconds):
        """Whether nothing arrives for this long."""
        return not self.socket.poll(int(seconds * 1000))
