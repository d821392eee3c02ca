#!/usr/bin/env bash
# A good guess: a ZAP answer with status 300, a temporary failure for which the client "is silently disconnected"
# (libzmq's words), ends the connection at once, so that the client tries again by its ZMQ_RECONNECT_IVL (0.1 s) and is
# let in as soon as the handler says so.
# What happens: nothing is said and nothing is closed until the server's ZMQ_HANDSHAKE_IVL is over, 30 s by default. Only
# then does the client try again, however long the handler would have let it in since.
# Why it matters: a server that does not know its users yet when it starts keeps those who came early waiting for all of
# that. Whoever needs them sooner sets a shorter ZMQ_HANDSHAKE_IVL, or ends the connections itself (shutdown(2) on the
# descriptors that its monitor names) once it knows.
#
# Version: libzmq 4.3.4 (Debian 4.3.4-6) under pyzmq 24.0.1. Seen on 2026-11-30: asked with a handshake interval of 1 and
# of 3 s, and after that time asked again.
# What Trellis does: a broker ends those connections when it hears of its first users; test_formats.py has a client that
# comes before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libzmq5=4.3.4-6 python3-zmq=24.0.1-4+b1
for package in *.deb; do dpkg -x "$package" root; done

cat >zap.py <<'PYTHON'
import time

import zmq


def seconds_until_asked_again(handshake_ms):
    context = zmq.Context()
    handler = context.socket(zmq.REP)
    handler.bind("inproc://zeromq.zap.01")
    server_public, server_secret = zmq.curve_keypair()
    router = context.socket(zmq.ROUTER)
    router.curve_server, router.curve_secretkey, router.handshake_ivl = True, server_secret, handshake_ms
    port = router.bind_to_random_port("tcp://127.0.0.1")
    dealer = context.socket(zmq.DEALER)
    dealer.curve_serverkey = server_public
    dealer.curve_publickey, dealer.curve_secretkey = zmq.curve_keypair()
    dealer.connect(f"tcp://127.0.0.1:{port}")
    asked = []
    for status in (b"300", b"200"):
        assert handler.poll(20_000)
        version, number = handler.recv_multipart()[:2]
        asked.append(time.monotonic())
        handler.send_multipart([version, number, status, b"", b"", b""])
    context.destroy(linger=0)
    return asked[1] - asked[0]


print("libzmq", zmq.zmq_version())
for handshake_ms in (1_000, 3_000):
    print("%d ms: %.0f s" % (handshake_ms, seconds_until_asked_again(handshake_ms)))
PYTHON
LD_LIBRARY_PATH=$(dirname "$(find "$PWD/root" -name 'libzmq.so.5')") PYTHONPATH=$PWD/root/usr/lib/python3/dist-packages \
  /usr/bin/python3 zap.py | tee seen
cat >expected <<'TEXT'
libzmq 4.3.4
1000 ms: 1 s
3000 ms: 3 s
TEXT
cmp seen expected && echo "as described"
