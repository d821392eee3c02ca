"""The client: a method for each command, which waits for its answer."""
from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar, Unpack

from . import request
from .answer import Answer, Document, Key, Page
from .errors import TrellisError
from .item import Item
from .links import Links
from .options import AnyOptions, DeleteOptions, MembersOptions, PatchOptions, PutOptions, RangeOptions, ReadOptions, WriteOptions
from .request import REQUIRED, Request
from .user_key import find_user_key

T = TypeVar("T")


def endpoint_of(broker: str) -> str:
    """host:port as ZeroMQ names it."""
    return broker if "://" in broker else f"tcp://{broker}"


class Client:
    """Calls to a cluster. Any threads may use it, each with a call under way, or many (`start`).

    Every call is sent again, to the next broker too, until its timeout; a write takes effect once however often it is
    sent. Errors are raised (errors.py), and say in `perhaps_applied` whether a write may have happened.
    """

    def __init__(self, *brokers: str, timeout_ms: int = 5000, accept_unguaranteed: bool = False,
                 user: str | None = None):
        """Connects in the background.

        @param brokers     frontends as host:port, or tcp://host:port; 127.0.0.1:7400 where none is named
        @param timeout_ms  of calls that bring none of their own
        @param accept_unguaranteed  give answers that no majority could confirm, where NotGuaranteed would be raised
        @param user        the file of the user's key whom the cluster is to know, as `trellis user add` makes it; where
                           it is left out TRELLIS_USER or ~/.config/trellis/user; "none": no key. UserKeyError where it
                           cannot be used
        """
        self.timeout_ms = timeout_ms
        self.accept_unguaranteed = accept_unguaranteed
        self._links = Links([endpoint_of(broker) for broker in brokers or ("127.0.0.1:7400",)],
                            find_user_key(user))
        self._finalizer = weakref.finalize(self, self._links.close)

    def close(self) -> None:
        """Ends what is under way, and all connections."""
        self._finalizer()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Documents.

    def put(self, key: Key, document: Document, **options: Unpack[PutOptions]) -> bool:
        """Stores a document: True where the key is new."""
        return self._ask(request.truth("PUT", [key, document], self._with(options)))

    def set(self, key: Key, document: Document, **options: Unpack[PutOptions]) -> bool:
        """The same as put."""
        return self._ask(request.truth("SET", [key, document], self._with(options)))

    def get(self, key: Key, default: Any = REQUIRED, **options: Unpack[ReadOptions]) -> Document:
        """The document; raises NotFound where there is none and no default."""
        return self._ask(request.document("GET", [key], self._with(options), default))

    def get_with_version(self, key: Key, **options: Unpack[ReadOptions]) -> tuple[Document, int]:
        """The document and its version, for `if_version`."""
        return self._ask(request.document_with_version(key, self._with(options)))

    def has(self, key: Key, **options: Unpack[ReadOptions]) -> bool:
        return self._ask(request.truth("HAS", [key], self._with(options)))

    def delete(self, key: Key, **options: Unpack[DeleteOptions]) -> bool:
        """True where it was there."""
        return self._ask(request.truth("DELETE", [key], self._with(options)))

    def pop(self, key: Key, default: Any = REQUIRED, **options: Unpack[WriteOptions]) -> Document:
        """Removes a document and gives it back, in one step."""
        return self._ask(request.document("POP", [key], self._with(options), default))

    def patch(self, key: Key, operations: Sequence[Sequence[Any]], **options: Unpack[PatchOptions]) -> list[Any]:
        """Changes a document in place by operations `[name, path, value]`, all or none: the result of each."""
        return self._ask(request.changes(key, operations, self._with(options)))

    def expire(self, key: Key, ttl_ms: int | None, **options: Unpack[DeleteOptions]) -> bool:
        """Has a document go after so many milliseconds, or stay for good (None): True where it is there."""
        return self._ask(request.truth("EXPIRE", [key, ttl_ms], self._with(options)))

    def ttl(self, key: Key, **options: Unpack[ReadOptions]) -> int | None:
        """The milliseconds that a document has left, None where it stays for good; raises NotFound."""
        return self._ask(request.time_left(key, self._with(options)))

    def query(self, key: Key, *steps: str | int, default: Any = REQUIRED, **options: Unpack[ReadOptions]) -> Document:
        """The part of a document that the steps lead to: keys of maps, positions in arrays from 0."""
        return self._ask(request.document("QUERY", [[key, *steps]], self._with(options), default))

    def compute(self, expression: str, variables: Mapping[str, Sequence[Any]] | None = None,
                **options: Unpack[ReadOptions]) -> float:
        """Evaluates a formula over numbers in documents; variables are paths, `[key, step, ...]`, by name."""
        return self._ask(request.compute(expression, variables or {}, self._with(options)))

    def batch(self, items: Iterable[Item], **options: Unpack[WriteOptions]) -> list[Answer | TrellisError]:
        """Many commands at once. Each has its Answer, or its error as a value, in the order asked."""
        return self._ask(request.batch(items, self._with(options), self.accept_unguaranteed))

    # Listings.

    def keys(self, prefix: Key = "", limit: int | None = None, after: Key | None = None,
             **options: Unpack[RangeOptions]) -> Page[Key]:
        """A page of the keys with a prefix, in byte order."""
        return self._ask(request.keys(prefix, limit, after, self._with(options)))

    def scan(self, prefix: Key = "", limit: int | None = None, after: Key | None = None,
             **options: Unpack[RangeOptions]) -> Page[tuple[Key, Document]]:
        """A page of keys and their documents."""
        return self._ask(request.scan(prefix, limit, after, self._with(options)))

    def all_keys(self, prefix: Key = "", **options: Unpack[RangeOptions]) -> Iterator[Key]:
        """Keys, page by page, to the last one."""
        page = self.keys(prefix, **options)
        yield from page
        while page.more:
            page = self.keys(prefix, after=page.after, **options)
            yield from page

    def all_records(self, prefix: Key = "", **options: Unpack[RangeOptions]) -> Iterator[tuple[Key, Document]]:
        """Keys and documents, page by page, to the last one."""
        page = self.scan(prefix, **options)
        yield from page
        while page.more:
            page = self.scan(prefix, after=page.after, **options)
            yield from page

    def count(self, prefix: Key = "", **options: Unpack[RangeOptions]) -> int:
        return self._ask(request.count(prefix, self._with(options)))

    # The cluster.

    def members(self, **options: Unpack[MembersOptions]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask(request.report("MEMBERS", [], self._with(options)))
        return found

    def locate(self, key: Key, **options: Unpack[AnyOptions]) -> dict[str, Any]:
        found: dict[str, Any] = self._ask(request.report("LOCATE", [key], self._with(options)))
        return found

    def status(self, **options: Unpack[AnyOptions]) -> dict[str, Any]:
        found: dict[str, Any] = self._ask(request.report("STATUS", [], self._with(options)))
        return found

    def ping(self, **options: Unpack[AnyOptions]) -> str:
        return str(self._ask(request.report("PING", [], self._with(options))))

    # Any command.

    def call(self, command: str, *arguments: Any, **options: Any) -> Answer:
        """A command by its name in the protocol: the result with its info, guaranteed or not."""
        return self._wait(request.any_command(command, arguments, self._with(options)), accept_unguaranteed=True)

    def start(self, command: str, *arguments: Any, **options: Any) -> Future[Answer]:
        """Begins what `call` waits for; many may be under way. Cancelling the future forgets the call, and a write may
        take effect all the same. What is added to the future as a callback runs on the client's thread, and must not
        wait for the client."""
        asked = request.any_command(command, arguments, self._with(options))
        answer: Future[Answer] = Future()
        reply = self._links.start(asked)
        answer.add_done_callback(lambda done: reply.cancel() if done.cancelled() else None)

        def on_reply(done: Future[Any]) -> None:
            if done.cancelled() or not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(asked.answered(done.result(), True))
            except TrellisError as error:
                answer.set_exception(error)
        reply.add_done_callback(on_reply)
        return answer

    def _with(self, options: Any) -> dict[str, Any]:
        return {"timeout_ms": self.timeout_ms, **options}

    def _ask(self, asked: Request[T]) -> T:
        return self._wait(asked, self.accept_unguaranteed)

    def _wait(self, asked: Request[T], accept_unguaranteed: bool) -> T:
        future = self._links.start(asked)
        try:
            reply = future.result()
        except BaseException:  # Such as KeyboardInterrupt: nobody waits for it any more.
            future.cancel()
            raise
        return asked.answered(reply, accept_unguaranteed)
