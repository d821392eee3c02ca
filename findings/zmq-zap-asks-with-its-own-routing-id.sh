#!/usr/bin/env bash
# A good guess: the fifth frame of a ZAP request (RFC 27: "the connection identity, if any") is the routing id that the
# connecting client has set, so that a handler can tell two clients of one address apart before they are let in.
# What happens: libzmq fills in the routing id of its own socket, the one that was bound; the client's is nowhere in the
# request. Without one of its own the frame is empty whoever asks.
# Why it matters: a handler cannot refuse the second client of a routing id, nor keep rules by it; address, credentials
# and mechanism are all that it has. What a client calls itself is known from its first message on.
#
# Version: libzmq 4.3.4 (Debian 4.3.4-6) under pyzmq 24.0.1. Seen on 2026-11-29: a DEALER "client" at a ROUTER without and
# with the routing id "server": asked with b'' and with b'server', heard as b'client' both times.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libzmq5=4.3.4-6 python3-zmq=24.0.1-4+b1
for package in *.deb; do dpkg -x "$package" root; done

cat >zap.py <<'PYTHON'
import zmq


def asked_and_heard(own):
    context = zmq.Context()
    handler = context.socket(zmq.REP)
    handler.bind("inproc://zeromq.zap.01")
    router = context.socket(zmq.ROUTER)
    router.zap_domain = b"door"
    if own:
        router.routing_id = own
    port = router.bind_to_random_port("tcp://127.0.0.1")
    dealer = context.socket(zmq.DEALER)
    dealer.routing_id = b"client"
    dealer.connect(f"tcp://127.0.0.1:{port}")
    dealer.send(b"hello")
    assert handler.poll(5000)
    version, number, domain, address, routing_id, mechanism = handler.recv_multipart()
    handler.send_multipart([version, number, b"200", b"OK", b"", b""])
    assert router.poll(5000)
    heard = router.recv_multipart()[0]
    context.destroy(linger=0)
    return routing_id, heard


print("libzmq", zmq.zmq_version())
for own in (b"", b"server"):
    print("own %r: asked with %r, heard as %r" % (own, *asked_and_heard(own)))
PYTHON
LD_LIBRARY_PATH=$(dirname "$(find "$PWD/root" -name 'libzmq.so.5')") PYTHONPATH=$PWD/root/usr/lib/python3/dist-packages \
  /usr/bin/python3 zap.py | tee seen
cat >expected <<'TEXT'
libzmq 4.3.4
own b'': asked with b'', heard as b'client'
own b'server': asked with b'server', heard as b'client'
TEXT
cmp seen expected && echo "as described"
