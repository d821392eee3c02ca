"""Each command as a value: what is sent, and how its answer is read. `Client` and `AsyncClient` share these."""
from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from .answer import Answer, Document, Key, Page
from .errors import Internal, InvalidArgument, NotGuaranteed, ResourceExhausted, TrellisError, error_of
from .item import Item
from .wire import CHANGES_OF_USERS, REQUEST_SIZE_MAX, TIMEOUT_MS_MAX, WRITES, Reply, pack

T = TypeVar("T")

_LIMIT = 1000
"""The protocol's default for a page; it stands in front of `after`."""


class Required:
    """In place of a default: where nothing is stored, NotFound is raised."""


REQUIRED = Required()


@dataclasses.dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    command: str
    arguments: bytes
    """A packed array."""
    options: Mapping[str, Any]
    read: Callable[[Answer], T]
    items: Sequence[Any] | None = None
    """Of a BATCH."""
    default: Any = REQUIRED
    """What stands for NOT_FOUND."""

    @property
    def takes_session(self) -> bool:
        """Whether it may change something, and a session makes it exactly-once."""
        return self.items is not None or self.command in WRITES or self.command in CHANGES_OF_USERS

    def answered(self, reply: Reply, accept_unguaranteed: bool) -> T:
        """The result that the reply holds; raises its error."""
        if not accept_unguaranteed and self.items is None:
            check_guaranteed(reply.status, reply.result, reply.info)
        if reply.status == "NOT_FOUND" and not isinstance(self.default, Required):
            found: T = self.default
            return found
        if reply.status != "OK":
            raise error_of(reply.status, reply.info, self.takes_session)
        try:
            return self.read(Answer(reply.result, reply.info))
        except (LookupError, TypeError, ValueError):
            message = f"the reply to {self.command} does not have the form of one"
            raise Internal(message, reply.info, perhaps_applied=self.takes_session) from None


def check_guaranteed(status: str, result: Any, info: Mapping[str, Any]) -> None:
    """Raises NotGuaranteed for what was found, or was not, by less than a majority."""
    answer = Answer(result, info)
    if status in ("OK", "NOT_FOUND") and not answer.guaranteed:
        message = "; ".join(answer.warnings) or "no majority could confirm this answer"
        raise NotGuaranteed(message, answer if status == "OK" else None)


def make(command: str, arguments: Sequence[Any], options: Mapping[str, Any], read: Callable[[Answer], T], *,
         default: Any = REQUIRED) -> Request[T]:
    packed = pack(arguments)
    pack(options)  # What does not pack is told here, to who asks.
    timeout_ms = options["timeout_ms"]
    if not isinstance(timeout_ms, int) or not 1 <= timeout_ms <= TIMEOUT_MS_MAX:
        raise InvalidArgument(f"timeout_ms must be an int from 1 to {TIMEOUT_MS_MAX}, and is {timeout_ms!r}")
    if len(packed) > REQUEST_SIZE_MAX:
        raise ResourceExhausted(f"the arguments have {len(packed)} bytes, at most {REQUEST_SIZE_MAX} are allowed")
    return Request(command, packed, options, read, _items(arguments) if command == "BATCH" else None, default)


def _items(arguments: Sequence[Any]) -> Sequence[Any]:
    return arguments[0] if arguments and isinstance(arguments[0], list | tuple) else ()


def any_command(command: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> Request[Answer]:
    return make(command, arguments, options, lambda answer: answer)


def truth(command: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> Request[bool]:
    """PUT, SET, HAS, DELETE and EXPIRE."""
    return make(command, arguments, options, _result)


def changes(key: Key, operations: Sequence[Sequence[Any]], options: Mapping[str, Any]) -> Request[list[Any]]:
    return make("PATCH", [key, [list(operation) for operation in operations]], options, _result)


def time_left(key: Key, options: Mapping[str, Any]) -> Request[int | None]:
    return make("TTL", [key], options, _result)


def document(command: str, arguments: Sequence[Any], options: Mapping[str, Any], default: Any) -> Request[Document]:
    """GET, POP and QUERY."""
    return make(command, arguments, options, _result, default=default)


def document_with_version(key: Key, options: Mapping[str, Any]) -> Request[tuple[Document, int]]:
    return make("GET", [key], options, lambda answer: (answer.result, answer.info["version"]))


def compute(expression: str, variables: Mapping[str, Sequence[Any]], options: Mapping[str, Any]) -> Request[float]:
    return make("COMPUTE", [expression, {name: list(path) for name, path in variables.items()}], options, _result)


def keys(prefix: Key, limit: int | None, after: Key | None, options: Mapping[str, Any]) -> Request[Page[Key]]:
    return make("KEYS", _page_arguments(prefix, limit, after), options, lambda answer: _page(answer, answer.result, answer.result))


def scan(prefix: Key, limit: int | None, after: Key | None, options: Mapping[str, Any]) -> Request[Page[tuple[Key, Document]]]:
    def read(answer: Answer) -> Page[tuple[Key, Document]]:
        return _page(answer, ((key, document) for key, document in answer.result), [key for key, _ in answer.result])
    return make("SCAN", _page_arguments(prefix, limit, after), options, read)


def count(prefix: Key, options: Mapping[str, Any]) -> Request[int]:
    return make("COUNT", [prefix], options, _result)


def batch(items: Iterable[Item], options: Mapping[str, Any],
          accept_unguaranteed: bool) -> Request[list[Answer | TrellisError]]:
    asked = [item.packable() for item in items]

    def read_item(command: str, status: str, result: Any, info: Mapping[str, Any]) -> Answer | TrellisError:
        try:
            if not accept_unguaranteed:
                check_guaranteed(status, result, info)
        except NotGuaranteed as error:
            return error
        return Answer(result, info) if status == "OK" else error_of(status, info, command in WRITES)

    def read(answer: Answer) -> list[Answer | TrellisError]:
        return [read_item(item[0], *outcome) for item, outcome in zip(asked, answer.result)]
    return make("BATCH", [asked], options, read)


def report(command: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> Request[Any]:
    """MEMBERS, LOCATE, STATUS and PING."""
    return make(command, arguments, options, _result)


def _result(answer: Answer) -> Any:
    return answer.result


def _page_arguments(prefix: Key, limit: int | None, after: Key | None) -> list[Any]:
    return [prefix, _LIMIT if limit is None else limit, after]


def _page(answer: Answer, entries: Iterable[T], its_keys: Sequence[Key]) -> Page[T]:
    more = answer.info.get("more") is True
    behind = answer.info.get("after", its_keys[-1] if its_keys else None)
    return Page(entries, more, behind if more else None)
