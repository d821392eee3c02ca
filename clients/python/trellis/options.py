"""The options that commands take, by their names in docs/protocol.md ("Options")."""
from __future__ import annotations

from typing import Literal, TypedDict


class AnyOptions(TypedDict, total=False):
    timeout_ms: int
    """1 to 600000; the client's own where it is left out."""
    # "as" is a word of Python's: {"as": NAME} is given by call() and start(), by who has the right to speak for others.


class ItemReadOptions(TypedDict, total=False):
    consistency: Literal["linearizable", "stale"]


class ItemDeleteOptions(TypedDict, total=False):
    if_version: int


class ItemPutOptions(ItemDeleteOptions, total=False):
    if_absent: bool
    if_present: bool
    ttl_ms: int
    """The document goes after so many milliseconds."""


class ReadOptions(AnyOptions, ItemReadOptions, total=False):
    pass


class WriteOptions(AnyOptions, total=False):
    """A write that names no session gets the client's own, and is sent again under it until its deadline."""
    session: str | bytes
    seq: int
    floor: int


class DeleteOptions(WriteOptions, ItemDeleteOptions, total=False):
    pass


class PutOptions(WriteOptions, ItemPutOptions, total=False):
    pass


class ItemPatchOptions(ItemPutOptions, total=False):
    strict: bool
    pointer: bool


class PatchOptions(WriteOptions, ItemPatchOptions, total=False):
    pass


class RangeOptions(ReadOptions, total=False):
    at_least: str | bytes
    below: str | bytes
    match: str | bytes
    reverse: bool


class MembersOptions(AnyOptions, total=False):
    load: bool
