"""What a call raises. Its caller needs one fact above all: may the write have happened? `perhaps_applied` says so."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .answer import Answer


class TrellisError(Exception):
    """A call that did not succeed. Its text is one line for people; programs go by the class."""
    status = "INTERNAL"

    def __init__(self, message: str, info: Mapping[str, Any] | None = None, perhaps_applied: bool = False):
        super().__init__(message)
        self.info = dict(info or {})
        self.perhaps_applied = perhaps_applied
        """True: the write has perhaps taken effect, or may still. False: nothing was done."""


class InvalidArgument(TrellisError):
    """The command is wrong; sending it again will not help."""
    status = "INVALID_ARGUMENT"


class NotFound(TrellisError):
    """An answer rather than a failure: nothing is stored there."""
    status = "NOT_FOUND"


class AlreadyExists(TrellisError):
    """`if_absent` did not hold."""
    status = "ALREADY_EXISTS"


class FailedPrecondition(TrellisError):
    """`if_version` did not hold."""
    status = "FAILED_PRECONDITION"


class ExactlyOnceError(TrellisError):
    """The cluster knows this write's session and seq, and cannot give the first answer again. `exactly_once` is "unknown"
    (it was perhaps applied), "applied" (it was, and its reply was too large to keep), or "other_request"."""
    status = "FAILED_PRECONDITION"

    @property
    def exactly_once(self) -> str:
        return str(self.info["exactly_once"])


class Unavailable(TrellisError):
    """Too few replicas, or no broker, could be reached: nothing was done."""
    status = "UNAVAILABLE"


class DeadlineExceeded(TrellisError):
    """No answer came in time, however often it was asked for."""
    status = "DEADLINE_EXCEEDED"


class ResourceExhausted(TrellisError):
    """A queue or size limit: nothing was done."""
    status = "RESOURCE_EXHAUSTED"


class Unauthenticated(TrellisError):
    status = "UNAUTHENTICATED"


class PermissionDenied(TrellisError):
    status = "PERMISSION_DENIED"


class Unimplemented(TrellisError):
    status = "UNIMPLEMENTED"


class Internal(TrellisError):
    """A fault of the software, or a status that this version does not know."""
    status = "INTERNAL"


class NotGuaranteed(TrellisError):
    """There is an answer, `answer`, that no majority could confirm: it is of the freshest replica that is left, or lacks
    the keys of partitions with none. It is None where that replica has found nothing. Clients made with
    `accept_unguaranteed=True` take such answers instead."""
    status = "OK"

    def __init__(self, message: str, answer: Answer | None = None):
        super().__init__(message, answer.info if answer else None)
        self.answer = answer


_BY_STATUS: dict[str, type[TrellisError]] = {
    each.status: each for each in (InvalidArgument, NotFound, AlreadyExists, FailedPrecondition, Unavailable,
                                   DeadlineExceeded, ResourceExhausted, Unauthenticated, PermissionDenied, Unimplemented,
                                   Internal)}
# With any other error a write may have taken effect: too little is known.
_NOTHING_DONE = {each for each in _BY_STATUS if each not in ("DEADLINE_EXCEEDED", "INTERNAL")}


def error_of(status: str, info: Mapping[str, Any], writes: bool) -> TrellisError:
    """The exception for a reply's status. `writes`: whether the command could have changed anything."""
    message = str(info.get("message", status))
    if status == "FAILED_PRECONDITION" and "exactly_once" in info:
        return ExactlyOnceError(message, info, writes and info["exactly_once"] != "other_request")
    return _BY_STATUS.get(status, Internal)(message, info, writes and status not in _NOTHING_DONE)
