#!/usr/bin/env bash
# A good guess: a ROUTER without ZMQ_ROUTER_HANDOVER refuses a second connection with a routing id that is in use, or
# takes it in as soon as the first one has gone; either way its client finds out.
# What happens: the connection is made and kept, and all that it brings is dropped, also after the first one has gone. The
# client's monitor sees its handshake succeed, its sends succeed, and no reply ever comes, until it connects again.
# Why it matters: a service that is started twice with one configured routing id, or again while the connection of its
# earlier life is not yet known to be dead, hangs without an error on either side; the server cannot see it either. Leave
# the id to ZeroMQ, or reconnect where a first answer does not come.
#
# Version: libzmq 4.3.4 (Debian 4.3.4-6) under pyzmq 24.0.1. Seen on 2026-11-29: handshake succeeded; nothing heard beside
# the first, nor after it had gone; heard after the client had connected again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libzmq5=4.3.4-6 python3-zmq=24.0.1-4+b1
for package in *.deb; do dpkg -x "$package" root; done

cat >twins.py <<'PYTHON'
import zmq
from zmq.utils.monitor import recv_monitor_message

context = zmq.Context()
router = context.socket(zmq.ROUTER)
port = router.bind_to_random_port("tcp://127.0.0.1")
endpoint = f"tcp://127.0.0.1:{port}"


def client():
    dealer = context.socket(zmq.DEALER)
    dealer.routing_id = b"mine"
    monitor = dealer.get_monitor_socket()
    dealer.connect(endpoint)
    return dealer, monitor


def await_event(monitor, event):
    while monitor.poll(5000):
        if recv_monitor_message(monitor)["event"] == event:
            return True
    return False


def heard(dealer, text):
    dealer.send(text)
    return router.poll(1000) != 0 and router.recv_multipart() == [b"mine", text]


print("libzmq", zmq.zmq_version())
first, _ = client()
print("the first is heard:", heard(first, b"1"))
second, monitor = client()
print("the second's handshake succeeds:", await_event(monitor, zmq.EVENT_HANDSHAKE_SUCCEEDED))
print("the second is heard beside the first:", heard(second, b"2"))
first.disable_monitor()
first.close(linger=0)
print("the second is heard after the first:", heard(second, b"3"))
second.disconnect(endpoint)
second.connect(endpoint)
print("it is heard once it has connected again:", heard(second, b"4"))
context.destroy(linger=0)
PYTHON
LD_LIBRARY_PATH=$(dirname "$(find "$PWD/root" -name 'libzmq.so.5')") PYTHONPATH=$PWD/root/usr/lib/python3/dist-packages \
  timeout 60 /usr/bin/python3 twins.py | tee seen
cat >expected <<'TEXT'
libzmq 4.3.4
the first is heard: True
the second's handshake succeeds: True
the second is heard beside the first: False
the second is heard after the first: False
it is heard once it has connected again: True
TEXT
cmp seen expected && echo "as described"
