"""What a call gives back: a result and what was told with it."""
from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

Key = str | bytes
"""1 to 4096 bytes. Text and its UTF-8 are the same key; the cluster gives it back as str where it is UTF-8."""

Document = Any
"""None, bool, int (of 64 bits, signed or not), float, str, bytes, list or tuple, or dict with str keys; nested as you like.
Text stays text, bytes stay bytes, an int stays an int. A float32 that another client stored arrives as a float."""

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """The result of a call that succeeded, and the reply's info (docs/protocol.md, "Reply")."""
    result: Any
    info: Mapping[str, Any]

    @property
    def version(self) -> int | None:
        """Of the document that was read or written, for `if_version`."""
        return self.info.get("version")

    @property
    def guaranteed(self) -> bool:
        """False where no majority could confirm the answer."""
        return self.info.get("guaranteed", True) is not False

    @property
    def filtered(self) -> bool:
        """A listing shows only what the user may read of what was asked for."""
        return self.info.get("filtered", False) is True

    @property
    def warnings(self) -> list[str]:
        return list(self.info.get("warnings", ()))


class Page(list[T]):
    """A part of a listing. While there is `more`, the next page begins behind the key `after`."""

    def __init__(self, entries: Iterable[T], more: bool, after: Key | None):
        super().__init__(entries)
        self.more = more
        self.after = after
