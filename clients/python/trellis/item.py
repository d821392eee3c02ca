"""Commands that stand in a BATCH."""
from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Unpack

from .answer import Document, Key
from .options import ItemDeleteOptions, ItemPatchOptions, ItemPutOptions, ItemReadOptions


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """`Item.put("a", 1)`, `Item.get("b")`, and so on: what the methods of a client say, as one command of a BATCH."""
    command: str
    arguments: list[Any]
    options: dict[str, Any] = dataclasses.field(default_factory=dict)

    def packable(self) -> list[Any]:
        return [self.command, self.arguments, self.options]

    @staticmethod
    def put(key: Key, document: Document, **options: Unpack[ItemPutOptions]) -> Item:
        return Item("PUT", [key, document], {**options})

    @staticmethod
    def set(key: Key, document: Document, **options: Unpack[ItemPutOptions]) -> Item:
        return Item("SET", [key, document], {**options})

    @staticmethod
    def get(key: Key, **options: Unpack[ItemReadOptions]) -> Item:
        return Item("GET", [key], {**options})

    @staticmethod
    def has(key: Key, **options: Unpack[ItemReadOptions]) -> Item:
        return Item("HAS", [key], {**options})

    @staticmethod
    def delete(key: Key, **options: Unpack[ItemDeleteOptions]) -> Item:
        return Item("DELETE", [key], {**options})

    @staticmethod
    def pop(key: Key) -> Item:
        return Item("POP", [key])

    @staticmethod
    def patch(key: Key, operations: Sequence[Sequence[Any]], **options: Unpack[ItemPatchOptions]) -> Item:
        return Item("PATCH", [key, [list(operation) for operation in operations]], {**options})

    @staticmethod
    def expire(key: Key, ttl_ms: int | None, **options: Unpack[ItemDeleteOptions]) -> Item:
        return Item("EXPIRE", [key, ttl_ms], {**options})

    @staticmethod
    def ttl(key: Key, **options: Unpack[ItemReadOptions]) -> Item:
        return Item("TTL", [key], {**options})

    @staticmethod
    def query(key: Key, *steps: str | int, **options: Unpack[ItemReadOptions]) -> Item:
        return Item("QUERY", [[key, *steps]], {**options})
