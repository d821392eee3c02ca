"""The sockets of a client, and the thread that they belong to: a DEALER a broker, whose connections coming and going it
watches. A CallTable decides; this hands it what arrives, and the time.

Any thread may start a call and forget it. The thread ends with `close()`; it keeps no interpreter alive.
"""
from __future__ import annotations

import collections
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message

from .call_table import CallTable
from .request import Request
from .user_key import UserKey
from .wire import Reply

# program/reconnect.hpp and client/client.cpp say why these (milliseconds).
_CONNECT_TIMEOUT = 1_900
_HANDSHAKE_TIMEOUT = 6_000
_RECONNECT_EVERY_MIN, _RECONNECT_EVERY_MAX = 20, 200
_HEARTBEAT_EVERY, _HEARTBEAT_TIMEOUT = 500, 84_000
_TURN_MAX = 1_024
"""Messages taken from one socket before the others are looked at."""
_REOPEN_AFTER = 0.3
"""A broker that did not let this client in is tried again."""
_UNKNOWN_KEY = (" does not know this user's key: it was removed, or is of another cluster; an administrator adds users"
                " (`trellis user add NAME`)")
_KEY_WANTED = " asks for a user's key: give its file as `user`, in TRELLIS_USER or at ~/.config/trellis/user"
_OTHER_CLUSTER = (" ended each handshake: the user's file is one of another cluster, or no worker has told this broker yet"
                  " which users there are")
_HANDSHAKE_ENDED = (" ended each handshake, as one does that asks for a user's key (`user`, TRELLIS_USER,"
                    " ~/.config/trellis/user), or has no room for connections")
_NO_KEYS_THERE = " asks for no key: leave it out (user=\"none\")"


class Links:
    def __init__(self, endpoints: Sequence[str], user: UserKey | None = None):
        self._endpoints = list(endpoints)
        self._user = user
        self._reopen_due: dict[int, float] = {}
        """Brokers that did not let this client in: ZeroMQ does not try again by itself."""
        self._context = zmq.Context()
        self._dealers = [self._dealer(endpoint) for endpoint in endpoints]
        self._monitors = [self._monitor(dealer) for dealer in self._dealers]
        for dealer, endpoint in zip(self._dealers, endpoints):
            dealer.connect(endpoint)
        self._table = CallTable(endpoints, self)
        self._futures: dict[int, Future[Reply]] = {}
        self._ended: list[tuple[Future[Reply], Reply]] = []
        # What other threads ask of this one: called with the time, in order.
        self._asked: collections.deque[Callable[[float], None]] = collections.deque()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._closing = False
        self._gate = threading.RLock()  # Of what stands above it; a finalizer may come in from where it is held.
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="trellis", daemon=True)
        self._thread.start()

    def _dealer(self, endpoint: str) -> zmq.Socket[bytes]:
        dealer = self._context.socket(zmq.DEALER)
        dealer.linger = 0
        dealer.sndhwm = dealer.rcvhwm = 0
        dealer.immediate = True  # Nothing is queued for a broker that is not there.
        dealer.connect_timeout, dealer.handshake_ivl = _CONNECT_TIMEOUT, _HANDSHAKE_TIMEOUT
        dealer.reconnect_ivl, dealer.reconnect_ivl_max = _RECONNECT_EVERY_MIN, _RECONNECT_EVERY_MAX
        dealer.heartbeat_ivl, dealer.heartbeat_timeout = _HEARTBEAT_EVERY, _HEARTBEAT_TIMEOUT
        if self._user:
            dealer.curve_serverkey = self._user.server
            dealer.curve_publickey, dealer.curve_secretkey = self._user.public, self._user.secret
        return dealer

    @staticmethod
    def _monitor(dealer: zmq.Socket[bytes]) -> zmq.Socket[bytes]:
        return dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
                                         | zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
                                         | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)

    # Of any thread.

    def start(self, request: Request[Any]) -> Future[Reply]:
        """Begins a call. Cancelling the future forgets it."""
        if os.getpid() != self._pid:
            raise RuntimeError("this client belongs to the process that forked; make one in each process")
        future: Future[Reply] = Future()

        def begin(now: float) -> None:
            id_ = self._table.begin(now, request)
            self._futures[id_] = future
            future.add_done_callback(lambda done: self._forget(id_) if done.cancelled() else None)
        if not self._ask(begin):
            raise RuntimeError("this client is closed")
        return future

    def close(self) -> None:
        """Ends the calls that are under way, and the thread."""
        if os.getpid() != self._pid:
            return
        self._ask(lambda now: None, and_close=True)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _forget(self, id_: int) -> None:
        def forget(now: float) -> None:
            if self._futures.pop(id_, None):
                self._table.forget(id_)
        self._ask(forget)

    def _ask(self, what: Callable[[float], None], and_close: bool = False) -> bool:
        """False: the client is closed. The eventfd is open while it is not."""
        with self._gate:
            if self._closing:
                return False
            self._closing = and_close
            self._asked.append(what)
            os.eventfd_write(self._wake_fd, 1)
            return True

    # The table's output.

    def send(self, broker: int, frame: bytes) -> bool:
        try:
            self._dealers[broker].send(frame, zmq.DONTWAIT)
        except zmq.Again:
            return False
        return True

    def on_reply(self, id_: int, reply: Reply) -> None:
        if future := self._futures.pop(id_, None):
            self._ended.append((future, reply))

    # Of the thread.

    def _run(self) -> None:
        poller = zmq.Poller()
        for what in (self._wake_fd, *self._dealers, *self._monitors):
            poller.register(what, zmq.POLLIN)
        try:
            while not self._closing:
                self._turn(poller)
            self._turn(poller)
        finally:
            with self._gate:
                self._closing = True
            self._table.end_all("the client was closed before an answer came")
            self._deliver()
            for dealer in self._dealers:
                dealer.disable_monitor()
            self._context.destroy(linger=0)
            os.close(self._wake_fd)

    def _turn(self, poller: zmq.Poller) -> None:
        """Waits until something has arrived or is due, and handles all of it."""
        due = min((at for at in (self._table.next_due, *self._reopen_due.values()) if at is not None), default=None)
        wait = None if due is None else max(0, math.ceil((due - time.monotonic()) * 1000))
        arrived = dict(poller.poll(0 if self._closing else wait))
        now = time.monotonic()
        if self._wake_fd in arrived:
            os.eventfd_read(self._wake_fd)
        while self._asked:
            self._asked.popleft()(now)
        for broker, dealer in enumerate(self._dealers):
            if dealer in arrived:
                self._take_frames(now, broker, dealer)
        for broker, monitor in enumerate(self._monitors):
            if monitor in arrived:
                self._take_events(now, broker, monitor)
        self._reopen(now)
        self._table.on_tick(now)
        self._deliver()

    def _take_frames(self, now: float, broker: int, dealer: zmq.Socket[bytes]) -> None:
        for _ in range(_TURN_MAX):
            try:
                frames = dealer.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return
            if len(frames) == 1:  # A reply is one frame; of anything else no part can be one.
                self._table.on_frame(now, broker, frames[0])

    def _take_events(self, now: float, broker: int, monitor: zmq.Socket[bytes]) -> None:
        while True:
            try:
                message = parse_monitor_message(monitor.recv_multipart(zmq.DONTWAIT))
            except zmq.Again:
                return
            event = message["event"]
            if event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
                self._table.on_handshake_broken(broker, _OTHER_CLUSTER if self._user else _HANDSHAKE_ENDED)
            if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self._on_key_refused(now, broker, _UNKNOWN_KEY)
            elif event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
                if message["value"] == zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
                    self._on_key_refused(now, broker, _NO_KEYS_THERE if self._user else _KEY_WANTED)
                else:
                    self._reopen_due.setdefault(broker, now + _REOPEN_AFTER)
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._table.on_connected(now, broker)
            elif event == zmq.EVENT_DISCONNECTED:
                self._table.on_disconnected(now, broker)

    def _on_key_refused(self, now: float, broker: int, why: str) -> None:
        self._reopen_due.setdefault(broker, now + _REOPEN_AFTER)
        self._table.on_key_refused(now, broker, self._endpoints[broker] + why)

    def _reopen(self, now: float) -> None:
        for broker in [broker for broker, due in self._reopen_due.items() if now >= due]:
            del self._reopen_due[broker]
            self._dealers[broker].disconnect(self._endpoints[broker])
            self._dealers[broker].connect(self._endpoints[broker])

    def _deliver(self) -> None:
        """Outside of the table, since what waits for a future may begin new calls."""
        ended, self._ended = self._ended, []
        for future, reply in ended:
            if future.set_running_or_notify_cancel():
                future.set_result(reply)
