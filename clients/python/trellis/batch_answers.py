"""What the copies of one BATCH were answered, item by item.

A copy may be done in part, where some workers are away, and the next copy in another part. So an item keeps the first
answer that it gets from any of them: a refusal ("nothing was done") speaks for its copy alone, and "no answer in time"
for none.

Items on one key take effect in the order they stand, also over copies: a read whose copy was refused a write of the same
key saw a moment without that write, and one whose copy was refused an earlier read of it saw a moment before the one
that a later copy's answer to that read will be of. Either counts only as long as no copy has done better.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from .wire import Reply, key_of

_REFUSALS = ("UNAVAILABLE", "RESOURCE_EXHAUSTED")
_WRITES = ("PUT", "SET", "DELETE", "POP", "PATCH")


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


class BatchAnswers:
    """Made from the BATCH's items, `[command, arguments, ...]` each; `take` is handed the replies to its copies."""

    def __init__(self, items: Sequence[Any]):
        self._items = [_asked(item) for item in items]
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
        lacks_write = {item.key for item, outcome in zip(self._items, said) if item.writes and not _is_answer(outcome)}
        lacks_earlier: set[bytes | None] = set()
        for item, outcome in zip(self._items, said):
            if not item.is_answered and _is_outcome(outcome):
                is_early = not item.writes and (item.key in lacks_write or item.key in lacks_earlier)
                item.said, item.is_answered = outcome, _is_answer(outcome) and not is_early
            if not item.is_answered:
                lacks_earlier.add(item.key)
        return all(_is_outcome(outcome) and outcome[0] != "DEADLINE_EXCEEDED" for outcome in said)

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
                result.append(item.said or ["UNAVAILABLE", None, {"message": "there was no word of this item"}])
        guaranteed = all(said[2].get("guaranteed") is not False for said in result)
        return Reply(id_, "OK", result, self._info if guaranteed else {**self._info, "guaranteed": False})


def _asked(item: Any) -> _Item:
    if not isinstance(item, list | tuple) or len(item) < 2 or not isinstance(item[1], list | tuple):
        return _Item()
    return _Item(key_of(item[0], item[1]), item[0] in _WRITES)


def _is_outcome(outcome: Any) -> bool:
    return isinstance(outcome, list) and len(outcome) == 3 and isinstance(outcome[2], dict)


def _is_answer(outcome: Any) -> bool:
    return _is_outcome(outcome) and not is_refusal(outcome[0]) and outcome[0] != "DEADLINE_EXCEEDED"
