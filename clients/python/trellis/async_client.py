"""The client for asyncio: what `Client` has, to be awaited."""
from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, TypeVar, Unpack

from . import request
from .answer import Answer, Document, Key, Page
from .client import endpoint_of
from .errors import TrellisError
from .item import Item
from .links import Links
from .options import AnyOptions, DeleteOptions, MembersOptions, PatchOptions, PutOptions, RangeOptions, ReadOptions, WriteOptions
from .request import REQUIRED, Request
from .user_key import find_user_key

T = TypeVar("T")


class AsyncClient:
    """`Client` for any event loop of asyncio. Resending goes on in a thread of its own, also where the loop is busy.
    Cancelling what awaits an answer forgets the call, and a write may take effect all the same."""

    def __init__(self, *brokers: str, timeout_ms: int = 5000, accept_unguaranteed: bool = False,
                 user: str | None = None):
        """As `Client`'s; needs no running loop."""
        self.timeout_ms = timeout_ms
        self.accept_unguaranteed = accept_unguaranteed
        self._links = Links([endpoint_of(broker) for broker in brokers or ("127.0.0.1:7400",)],
                            find_user_key(user))
        self._finalizer = weakref.finalize(self, self._links.close)

    async def close(self) -> None:
        """Ends what is under way, and all connections."""
        await asyncio.to_thread(self._finalizer)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # Documents.

    async def put(self, key: Key, document: Document, **options: Unpack[PutOptions]) -> bool:
        """Stores a document: True where the key is new."""
        return await self._ask(request.truth("PUT", [key, document], self._with(options)))

    async def set(self, key: Key, document: Document, **options: Unpack[PutOptions]) -> bool:
        """The same as put."""
        return await self._ask(request.truth("SET", [key, document], self._with(options)))

    async def get(self, key: Key, default: Any = REQUIRED, **options: Unpack[ReadOptions]) -> Document:
        """The document; raises NotFound where there is none and no default."""
        return await self._ask(request.document("GET", [key], self._with(options), default))

    async def get_with_version(self, key: Key, **options: Unpack[ReadOptions]) -> tuple[Document, int]:
        """The document and its version, for `if_version`."""
        return await self._ask(request.document_with_version(key, self._with(options)))

    async def has(self, key: Key, **options: Unpack[ReadOptions]) -> bool:
        return await self._ask(request.truth("HAS", [key], self._with(options)))

    async def delete(self, key: Key, **options: Unpack[DeleteOptions]) -> bool:
        """True where it was there."""
        return await self._ask(request.truth("DELETE", [key], self._with(options)))

    async def pop(self, key: Key, default: Any = REQUIRED, **options: Unpack[WriteOptions]) -> Document:
        """Removes a document and gives it back, in one step."""
        return await self._ask(request.document("POP", [key], self._with(options), default))

    async def patch(self, key: Key, operations: Sequence[Sequence[Any]], **options: Unpack[PatchOptions]) -> list[Any]:
        """Changes a document in place by operations `[name, path, value]`, all or none: the result of each."""
        return await self._ask(request.changes(key, operations, self._with(options)))

    async def expire(self, key: Key, ttl_ms: int | None, **options: Unpack[DeleteOptions]) -> bool:
        """Has a document go after so many milliseconds, or stay for good (None): True where it is there."""
        return await self._ask(request.truth("EXPIRE", [key, ttl_ms], self._with(options)))

    async def ttl(self, key: Key, **options: Unpack[ReadOptions]) -> int | None:
        """The milliseconds that a document has left, None where it stays for good; raises NotFound."""
        return await self._ask(request.time_left(key, self._with(options)))

    async def query(self, key: Key, *steps: str | int, default: Any = REQUIRED, **options: Unpack[ReadOptions]) -> Document:
        """The part of a document that the steps lead to: keys of maps, positions in arrays from 0."""
        return await self._ask(request.document("QUERY", [[key, *steps]], self._with(options), default))

    async def compute(self, expression: str, variables: Mapping[str, Sequence[Any]] | None = None,
                      **options: Unpack[ReadOptions]) -> float:
        """Evaluates a formula over numbers in documents; variables are paths, `[key, step, ...]`, by name."""
        return await self._ask(request.compute(expression, variables or {}, self._with(options)))

    async def batch(self, items: Iterable[Item], **options: Unpack[WriteOptions]) -> list[Answer | TrellisError]:
        """Many commands at once. Each has its Answer, or its error as a value, in the order asked."""
        return await self._ask(request.batch(items, self._with(options), self.accept_unguaranteed))

    # Listings.

    async def keys(self, prefix: Key = "", limit: int | None = None, after: Key | None = None,
                   **options: Unpack[RangeOptions]) -> Page[Key]:
        """A page of the keys with a prefix, in byte order."""
        return await self._ask(request.keys(prefix, limit, after, self._with(options)))

    async def scan(self, prefix: Key = "", limit: int | None = None, after: Key | None = None,
                   **options: Unpack[RangeOptions]) -> Page[tuple[Key, Document]]:
        """A page of keys and their documents."""
        return await self._ask(request.scan(prefix, limit, after, self._with(options)))

    async def all_keys(self, prefix: Key = "", **options: Unpack[RangeOptions]) -> AsyncIterator[Key]:
        """Keys, page by page, to the last one."""
        page = await self.keys(prefix, **options)
        for each in page:
            yield each
        while page.more:
            page = await self.keys(prefix, after=page.after, **options)
            for each in page:
                yield each

    async def all_records(self, prefix: Key = "", **options: Unpack[RangeOptions]) -> AsyncIterator[tuple[Key, Document]]:
        """Keys and documents, page by page, to the last one."""
        page = await self.scan(prefix, **options)
        for each in page:
            yield each
        while page.more:
            page = await self.scan(prefix, after=page.after, **options)
            for each in page:
                yield each

    async def count(self, prefix: Key = "", **options: Unpack[RangeOptions]) -> int:
        return await self._ask(request.count(prefix, self._with(options)))

    # The cluster.

    async def members(self, **options: Unpack[MembersOptions]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._ask(request.report("MEMBERS", [], self._with(options)))
        return found

    async def locate(self, key: Key, **options: Unpack[AnyOptions]) -> dict[str, Any]:
        found: dict[str, Any] = await self._ask(request.report("LOCATE", [key], self._with(options)))
        return found

    async def status(self, **options: Unpack[AnyOptions]) -> dict[str, Any]:
        found: dict[str, Any] = await self._ask(request.report("STATUS", [], self._with(options)))
        return found

    async def ping(self, **options: Unpack[AnyOptions]) -> str:
        return str(await self._ask(request.report("PING", [], self._with(options))))

    # Any command.

    async def call(self, command: str, *arguments: Any, **options: Any) -> Answer:
        """A command by its name in the protocol: the result with its info, guaranteed or not."""
        return await self._wait(request.any_command(command, arguments, self._with(options)), accept_unguaranteed=True)

    def _with(self, options: Any) -> dict[str, Any]:
        return {"timeout_ms": self.timeout_ms, **options}

    async def _ask(self, asked: Request[T]) -> T:
        return await self._wait(asked, self.accept_unguaranteed)

    async def _wait(self, asked: Request[T], accept_unguaranteed: bool) -> T:
        reply = await asyncio.wrap_future(self._links.start(asked))
        return asked.answered(reply, accept_unguaranteed)
