#!/usr/bin/env bash
# A good guess: ZeroMQ's heartbeats cut a connection that has gone silent; as long as bytes arrive, it is alive.
# What happens: only a message that was decoded to its end counts. While a large one is on its way over a slow link, the
# ping behind it is not answered, ZMQ_HEARTBEAT_TIMEOUT runs out though bytes arrive all the time, and the connection is
# closed in the middle. The sender connects again; what it had begun is lost, and a message sent anew ends the same way.
# Why it matters: the timeout bounds the size of a message by the slowest link: size / rate has to stay below it.
# Larger ones travel in pieces, or over connections without heartbeats.
#
# Version: libzmq 4.3.4 (Debian 4.3.4-6) under pyzmq 24.0.1. 4 MB over 1 MB/s, a heartbeat each 200 ms, timeout 1 s. Seen on
# 2026-11-29: with heartbeats 0 messages and at least one disconnect within 10 s, without them the message.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libzmq5=4.3.4-6 python3-zmq=24.0.1-4+b1
for package in *.deb; do dpkg -x "$package" root; done

cat >slow.py <<'PYTHON'
import socket
import threading
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

RATE, SIZE = 1_000_000, 4_000_000


def forward(source, target, rate):
    """Passes bytes on, at most `rate` a second, with little room between the two."""
    try:
        while data := source.recv(10_000):
            target.sendall(data)
            time.sleep(len(data) / rate)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def listen(port):
    """A forwarder to `port` that lets RATE bytes a second through towards it."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)
    server.bind(("127.0.0.1", 0))
    server.listen()

    def accept():
        while True:
            near, _ = server.accept()
            far = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=forward, args=(near, far, RATE), daemon=True).start()
            threading.Thread(target=forward, args=(far, near, 100_000_000), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server.getsockname()[1]


def send_large(heartbeats):
    context = zmq.Context()
    receiver = context.socket(zmq.PULL)
    sender = context.socket(zmq.PUSH)
    sender.linger = receiver.linger = 0
    if heartbeats:
        receiver.heartbeat_ivl, receiver.heartbeat_timeout = 200, 1000
    monitor = receiver.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    port = receiver.bind_to_random_port("tcp://127.0.0.1")
    sender.connect(f"tcp://127.0.0.1:{listen(port)}")
    sender.send(bytes(SIZE))
    received = disconnects = 0
    end = time.monotonic() + 10
    while time.monotonic() < end and not received:
        if receiver.poll(100):
            received += len(receiver.recv()) == SIZE
        while monitor.poll(0):
            recv_monitor_message(monitor)
            disconnects += 1
    receiver.disable_monitor()
    context.destroy(linger=0)
    return received, disconnects


print("libzmq", zmq.zmq_version())
for heartbeats in (True, False):
    received, disconnects = send_large(heartbeats)
    print(f"heartbeats {heartbeats}: messages {received}, disconnected {disconnects > 0}")
PYTHON
LD_LIBRARY_PATH=$(dirname "$(find "$PWD/root" -name 'libzmq.so.5')") PYTHONPATH=$PWD/root/usr/lib/python3/dist-packages \
  /usr/bin/python3 slow.py | tee seen
cat >expected <<'TEXT'
libzmq 4.3.4
heartbeats True: messages 0, disconnected True
heartbeats False: messages 1, disconnected False
TEXT
cmp seen expected && echo "as described"
