"""Requests and replies as bytes (docs/protocol.md). Knows MessagePack, and nothing of sockets or time."""
from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgpack  # type: ignore[import-untyped]

REQUEST_SIZE_MAX = 64 << 20
"""Bytes; a larger frame would close the connection."""

TIMEOUT_MS_MAX = 600_000

_VERSION = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """`[version, id, status, result, info]`"""
    id: int
    status: str
    result: Any
    info: Mapping[str, Any]


def pack(value: Any) -> bytes:
    """str becomes str, bytes become bin, an int stays an int; what MessagePack does not have raises TypeError or, an int
    beyond 64 bits, OverflowError."""
    return cast(bytes, msgpack.packb(value, use_bin_type=True))


def pack_request(id_: int, command: str, arguments: bytes, options: Mapping[str, Any]) -> bytes:
    """`[version, id, command, arguments, options]`; `arguments` are packed already."""
    return b"\x95" + pack(_VERSION) + pack(id_) + pack(command) + arguments + pack(options)


def read_reply(frame: bytes) -> Reply | None:
    """None where the frame is no reply."""
    try:
        version, id_, status, result, info = msgpack.unpackb(frame, raw=False)
    except (ValueError, TypeError, msgpack.UnpackException):
        return None
    if version != _VERSION or not isinstance(id_, int) or not isinstance(status, str) or not isinstance(info, dict):
        return None
    return Reply(id_, status, result, info)


WRITES = frozenset({"PUT", "SET", "DELETE", "POP", "PATCH", "EXPIRE"})
"""The commands on one key that write: they carry session and seq. The protocol says so where it says whose `session` is."""

CHANGES_OF_USERS = frozenset({"USER_ADD", "USER_REMOVE", "USER_ROLE", "USER_TOKEN", "ROLE_SET", "ROLE_REMOVE"})
"""Those carry them as well, so that a copy which comes late does not undo what came after it."""


def key_of(command: str, arguments: Sequence[Any]) -> bytes | None:
    """The bytes of the key that a command on one key is about; None where the arguments have none."""
    try:
        key = arguments[0][0] if command == "QUERY" else arguments[0]
    except (IndexError, KeyError, TypeError):
        return None
    return key.encode() if isinstance(key, str) else key if isinstance(key, bytes) else None
