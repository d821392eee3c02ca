"""What the copies of one BATCH were answered, item by item.

A copy may be done in part, where some workers are away, and the next copy in another part. So an item keeps the first
answer that it gets from any of them: a refusal ("nothing was done") speaks for its copy alone, and "no answer in time"
for none.

Items on one key take effect in the order they stand, also over copies, of which nobody knows which was done first. So all
reads of a key are taken from one copy: the one that was answered most of the writes of that key, and among those the
first that was answered most of its reads. They count as answered once it did all the writes, and are dropped where a
write that it was refused is known to be done.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from .wire import WRITES, Reply, key_of

_REFUSALS = ("UNAVAILABLE", "RESOURCE_EXHAUSTED")


def is_refusal(status: str) -> bool:
    """Nothing was done, by the copy that was answered so."""
    return status in _REFUSALS


@dataclasses.dataclass(slots=True)
class _Item:
    key: bytes | None = None
    writes: bool = False
    said: list[Any] | None = None
    """`[status, result, info]`: the answer, or what was said last."""
    is_answered: bool = False


@dataclasses.dataclass(slots=True)
class _Key:
    writes: int = 0
    """Asked for."""
    writes_done: int = 0
    """Answered, by any copy."""
    reads_from: tuple[int, int] = (0, 0)
    """How many writes and reads the copy was answered that the reads are taken from."""


class BatchAnswers:
    """Made from the BATCH's items, `[command, arguments, ...]` each; `take` is handed the replies to its copies."""

    def __init__(self, items: Sequence[Any]):
        self._items = [_asked(item) for item in items]
        self._keys: dict[bytes | None, _Key] = {}
        for item in self._items:
            self._keys.setdefault(item.key, _Key()).writes += item.writes
        self._info: dict[str, Any] = {}
        self.is_empty = True

    def take(self, reply: Reply) -> bool:
        """Takes the reply to one copy, whose status is OK. Returns whether that copy has come to its end: no item of it is
        without an outcome."""
        said = reply.result
        if not isinstance(said, list) or len(said) != len(self._items):
            return False
        self.is_empty = False
        self._info = {name: value for name, value in reply.info.items() if name == "warnings"}
        for item, outcome in zip(self._items, said):
            if item.writes and not item.is_answered and _is_outcome(outcome):
                item.said, item.is_answered = outcome, _is_answer(outcome)
                self._keys[item.key].writes_done += item.is_answered
        self._take_reads(said)
        return all(_is_outcome(outcome) and outcome[0] != "DEADLINE_EXCEEDED" for outcome in said)

    def _standings(self, said: list[Any]) -> dict[bytes | None, tuple[int, int]]:
        """How many writes and reads of each key the copy was answered."""
        standings = dict.fromkeys(self._keys, (0, 0))
        for item, outcome in zip(self._items, said):
            if _is_answer(outcome):
                writes, reads = standings[item.key]
                standings[item.key] = (writes + item.writes, reads + (not item.writes))
        return standings

    def _take_reads(self, said: list[Any]) -> None:
        better = set()
        for name, standing in self._standings(said).items():
            key = self._keys[name]
            # Where neither was answered a read, what was said last stands.
            if standing > key.reads_from or (standing == key.reads_from and standing[1] == 0):
                better.add(name)
                key.reads_from = standing
        for item, outcome in zip(self._items, said):
            if item.writes:
                continue
            key = self._keys[item.key]
            if item.key in better:
                item.said = outcome if _is_outcome(outcome) else None
            if key.reads_from[0] < key.writes_done:
                item.said = None
            item.is_answered = _is_answer(item.said) and key.reads_from[0] == key.writes

    @property
    def is_complete(self) -> bool:
        """Whether a reply was taken and has left no item without an answer."""
        return not self.is_empty and all(item.is_answered for item in self._items)

    def reply(self, id_: int, instead: tuple[str, str] | None = None) -> Reply:
        """The reply made of all. `instead`, a status and a message, stands where an item was refused by all copies."""
        result = []
        for item in self._items:
            if instead is not None and (item.said is None or is_refusal(item.said[0])):
                result.append([instead[0], None, {"message": instead[1]}])
            else:
                result.append(item.said or ["UNAVAILABLE", None, {"message": "no copy was answered this item beside the others of its key"}])
        guaranteed = all(said[2].get("guaranteed") is not False for said in result)
        return Reply(id_, "OK", result, self._info if guaranteed else {**self._info, "guaranteed": False})


def _asked(item: Any) -> _Item:
    if not isinstance(item, list | tuple) or len(item) < 2 or not isinstance(item[1], list | tuple):
        return _Item()
    return _Item(key_of(item[0], item[1]), item[0] in WRITES)


def _is_outcome(outcome: Any) -> bool:
    return isinstance(outcome, list) and len(outcome) == 3 and isinstance(outcome[2], dict)


def _is_answer(outcome: Any) -> bool:
    return _is_outcome(outcome) and not is_refusal(outcome[0]) and outcome[0] != "DEADLINE_EXCEEDED"
