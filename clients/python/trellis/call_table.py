"""The calls of a client that are under way: when to send them, to which broker, when again, and when to give up.

No socket, no clock, no thread: the table is handed frames, connections coming and going, and the time (in seconds), and
answers into an `Output`. client/call_table.hpp is the same in C++.

Every call that was begun ends exactly once, by its reply or by giving up at its deadline, unless it is forgotten first.
Late, repeated and uninvited replies are ignored.

Sending again is always safe: the frame that goes out is the same to the byte, and a write in it carries the session of
this client and a seq of its own, so that the cluster does it once (docs/protocol.md, "Exactly-once"). It also says the
floor: the lowest seq of a call that has not ended. So a copy that arrives after its call has ended is refused.
"""
from __future__ import annotations

import dataclasses
import heapq
import secrets
from collections.abc import Sequence
from typing import Any, Protocol

from .batch_answers import BatchAnswers, is_refusal
from .request import Request
from .wire import Reply, pack_request, read_reply
from .write_session import WriteSession

# A broker that has not answered a call for this fraction of its timeout, or this long, is asked again, or the next one
# is; then after twice as long, and so on: few copies where the cluster is slow, quick where a broker is gone.
RESEND_FRACTION = 8
RESEND_AFTER_MAX = 1.0
DEADLINE_GRACE = 0.2
"""The broker's own word at the deadline says more than ours, so it gets this long to arrive."""
KEY_GRACE = 1.2
"""Users and roles are at every broker after a second."""
_SEND_AGAIN_AFTER = 0.01
"""Where a socket took nothing."""


class Output(Protocol):
    """What the table asks of its surroundings. Neither may call back into the table."""

    def send(self, broker: int, frame: bytes) -> bool:
        """Sends to a broker, given by its place in the list of endpoints. False: it could not be sent at all."""
        ...

    def on_reply(self, id_: int, reply: Reply) -> None:
        """The call has ended."""
        ...


@dataclasses.dataclass(slots=True)
class _Broker:
    endpoint: str
    connected: bool = False
    heard: float = float("-inf")
    """When its last frame came."""
    key_refused: float | None = None
    """Since when this client's key is not let in there; until it is."""
    handshake_broken: str | None = None
    """What may be wrong, where it ends handshakes without a word; until one succeeds."""


@dataclasses.dataclass(slots=True, eq=False)
class _Call:
    id: int
    request: Request[Any]
    frame: bytes
    own_seq: int | None
    """In this table's session, where the caller brought none."""
    begun: float
    deadline: float
    resend_after: float
    sent: float = 0.0
    """For the last time."""
    due: float = 0.0
    """The one timer that counts."""
    broker: int = 0
    """Where it was sent last."""
    refusals: int = 0
    copies: int = 0
    """How often it was sent."""
    open: int = 0
    """Copies of unknown outcome: any of them may take effect."""
    batch: BatchAnswers | None = None
    """Of a BATCH that was sent several times."""
    under_way: bool = False
    """With a broker that is still connected."""


class CallTable:
    def __init__(self, endpoints: Sequence[str], output: Output):
        self._brokers = [_Broker(endpoint) for endpoint in endpoints]
        self._output = output
        self._session = WriteSession()
        self._next_id = secrets.randbits(62) + 1
        self._current = 0
        self._calls: dict[int, _Call] = {}
        self._timers: list[tuple[float, int]] = []

    @property
    def under_way(self) -> int:
        return len(self._calls)

    def begin(self, now: float, request: Request[Any]) -> int:
        """Begins a call and returns its id. Its answer comes through the output, though never from inside this."""
        id_ = self._next_id
        self._next_id += 1
        options: dict[str, Any] = dict(request.options)
        own_seq = None
        if request.takes_session and "session" not in options:
            own_seq = self._session.issue()
            options |= {"session": self._session.id, "seq": own_seq, "floor": self._session.floor}
        timeout = options["timeout_ms"] / 1000
        frame = pack_request(id_, request.command, request.arguments, options)
        call = _Call(id_, request, frame, own_seq, now, now + timeout, min(timeout / RESEND_FRACTION, RESEND_AFTER_MAX))
        self._calls[id_] = call
        self._dispatch(now, call)
        return id_

    def forget(self, id_: int) -> None:
        """Drops a call: its answer is no longer wanted. A write may take effect all the same."""
        if call := self._calls.get(id_):
            self._erase(call)

    def end_all(self, message: str) -> None:
        """Ends what is under way: the client is being closed."""
        for call in list(self._calls.values()):
            self._end(call, "DEADLINE_EXCEEDED" if call.copies else "UNAVAILABLE", message)

    # Events.

    def on_connected(self, now: float, broker: int) -> None:
        self._brokers[broker].connected = True
        self._brokers[broker].key_refused = None
        self._brokers[broker].handshake_broken = None
        for call in [call for call in self._calls.values() if not call.under_way]:
            self._dispatch(now, call)

    def on_disconnected(self, now: float, broker: int) -> None:
        """What was under way there is lost, or its reply is."""
        self._brokers[broker].connected = False
        for call in [call for call in self._calls.values() if call.under_way and call.broker == broker]:
            self._dispatch(now, call)

    def on_handshake_broken(self, broker: int, why: str) -> None:
        """It ends handshakes without a word: a call that is never sent says so."""
        self._brokers[broker].handshake_broken = why

    def on_key_refused(self, now: float, broker: int, why: str) -> None:
        """A broker does not let this client's key in, or wants one. Once all have said so for KEY_GRACE, and none is
        connected, the calls end: who was added a moment ago is not known everywhere yet."""
        if self._brokers[broker].key_refused is None:
            self._brokers[broker].key_refused = now
        for each in self._brokers:
            if each.connected or each.key_refused is None or now - each.key_refused < KEY_GRACE:
                return
        for call in list(self._calls.values()):
            if call.open > 0 and call.request.takes_session:  # It may take effect, or have done so.
                self._end_too_late(now, call)
            else:
                self._end(call, "UNAUTHENTICATED", why)

    def on_frame(self, now: float, broker: int, frame: bytes) -> None:
        self._brokers[broker].heard = now
        reply = read_reply(frame)
        call = self._calls.get(reply.id) if reply else None
        if reply is None or call is None:
            return
        if reply.status == "UNAVAILABLE" and self._asks_another(now, broker, call):
            return
        if call.copies <= 1 or not call.request.takes_session:
            self._finish(call, reply)
        else:
            self._on_reply_to_copy(now, call, reply)

    def on_tick(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            due, id_ = heapq.heappop(self._timers)
            call = self._calls.get(id_)
            if call is not None and call.due == due:
                self._wake_up(now, call)

    @property
    def next_due(self) -> float | None:
        """When on_tick has something to do, or None where no call is under way."""
        while self._timers:
            due, id_ = self._timers[0]
            call = self._calls.get(id_)
            if call is not None and call.due == due:
                return due
            heapq.heappop(self._timers)
        return None

    # Sending.

    def _dispatch(self, now: float, call: _Call) -> None:
        """Sends a call to the current broker, or to the next one that is connected; where none is, it waits."""
        if not self._brokers[self._current].connected:
            self._current = self._connected_after(self._current, self._current)
        if self._brokers[self._current].connected:
            self._send_to(now, self._current, call)
        else:
            call.under_way = False
            self._arm(call, call.deadline)

    def _send_to(self, now: float, broker: int, call: _Call) -> None:
        call.under_way = self._output.send(broker, call.frame)
        if not call.under_way:
            self._arm(call, min(now + _SEND_AGAIN_AFTER, call.deadline))
            return
        call.broker, call.sent = broker, now
        call.copies += 1
        call.open += 1
        again = now + call.resend_after
        call.resend_after *= 2
        self._arm(call, again if again < call.deadline else call.deadline + DEADLINE_GRACE)

    def _arm(self, call: _Call, due: float) -> None:
        call.due = due
        heapq.heappush(self._timers, (due, call.id))

    def _wake_up(self, now: float, call: _Call) -> None:
        """A call's timer has run out: it gives up, or is sent again, to another broker if this one has been silent."""
        if now >= call.deadline:
            self._end_too_late(now, call)
            return
        if call.under_way and call.broker == self._current and self._brokers[self._current].heard <= call.sent:
            self._current = self._connected_after(self._current, self._current)
        self._dispatch(now, call)

    def _connected_after(self, broker: int, otherwise: int) -> int:
        """The next connected broker behind `broker`, in a circle that ends with itself."""
        count = len(self._brokers)
        circle = ((broker + step) % count for step in range(1, count + 1))
        return next((each for each in circle if self._brokers[each].connected), otherwise)

    # Replies.

    def _asks_another(self, now: float, broker: int, call: _Call) -> bool:
        """Nothing was done. Another broker may see workers that this one does not; each is asked once."""
        another = self._connected_after(broker, broker)
        connected = sum(each.connected for each in self._brokers)
        if now >= call.deadline or another == broker or call.refusals + 1 >= connected:
            return False
        call.refusals += 1
        call.open = max(0, call.open - 1)
        self._send_to(now, another, call)
        return True

    def _on_reply_to_copy(self, now: float, call: _Call, reply: Reply) -> None:
        """A write was sent several times: "nothing was done" speaks for one copy, and any other may still take effect."""
        if call.request.items is not None and reply.status == "OK":
            self._on_batch_copy(now, call, call.request.items, reply)
        elif not is_refusal(reply.status):
            self._finish(call, reply)
        else:
            call.open = max(0, call.open - 1)
            if call.open == 0:
                self._end(call, reply.status, str(reply.info.get("message", "")))
            elif now >= call.deadline:
                self._end_too_late(now, call)

    def _on_batch_copy(self, now: float, call: _Call, items: Sequence[Any], reply: Reply) -> None:
        if call.batch is None:
            call.batch = BatchAnswers(items)
        if call.batch.take(reply):
            call.open = max(0, call.open - 1)
        if call.batch.is_complete or call.open == 0:
            self._finish(call, call.batch.reply(call.id))
        elif now >= call.deadline:
            self._end_too_late(now, call)

    # Ends.

    def _end_too_late(self, now: float, call: _Call) -> None:
        waited = f"within {(min(now, call.deadline) - call.begun) * 1000:.0f} ms"
        endpoints = " or ".join(broker.endpoint for broker in self._brokers)
        if call.copies == 0:
            broken = next((f"{broker.endpoint}{broker.handshake_broken} (tried {waited})"
                           for broker in self._brokers if broker.handshake_broken), None)
            self._end(call, "UNAVAILABLE", broken or f"no broker could be reached at {endpoints} {waited}")
            return
        message = f"no answer from {endpoints} {waited}"
        if call.request.takes_session:
            message += "; the write may have taken effect, or may still"
        if all(broker.heard == float("-inf") for broker in self._brokers):
            message += "; nothing was ever heard there: is it a broker's frontend (usually port 7400)?"
        self._end(call, "DEADLINE_EXCEEDED", message)

    def _end(self, call: _Call, status: str, message: str) -> None:
        """Ends a call without a reply that says it all: what is known of a BATCH's items stands, the rest gets the error."""
        if call.batch is not None and not call.batch.is_empty:
            self._finish(call, call.batch.reply(call.id, instead=(status, message)))
        else:
            self._finish(call, Reply(call.id, status, None, {"message": message}))

    def _finish(self, call: _Call, reply: Reply) -> None:
        self._erase(call)
        self._output.on_reply(call.id, reply)

    def _erase(self, call: _Call) -> None:
        """Its seq is not sent any more, whatever becomes of the copies that are under way."""
        if call.own_seq is not None:
            self._session.on_done(call.own_seq)
        del self._calls[call.id]
