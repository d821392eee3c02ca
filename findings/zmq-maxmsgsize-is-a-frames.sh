#!/usr/bin/env bash
# A good guess: ZMQ_MAXMSGSIZE, "maximum acceptable inbound message size", bounds what one message may bring.
# What happens: it bounds each frame. A multipart message of any number of frames below it is taken and handed on whole: a
# ROUTER with a limit of 1,000 bytes receives a message of 1,000 frames of 1,000 bytes; one frame of 1,001 bytes closes the
# connection.
# Why it matters: a peer's message of many small frames takes memory far beyond the limit (each frame costs some 64 bytes
# of bookkeeping as well), and none of it is seen by the application before the last frame has come.
#
# Version: libzmq 4.3.4 (Debian 4.3.4-6) under pyzmq 24.0.1. Seen on 2026-11-29: 1000000 bytes received; 1001: nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libzmq5=4.3.4-6 python3-zmq=24.0.1-4+b1
for package in *.deb; do dpkg -x "$package" root; done

cat >frames.py <<'PYTHON'
import zmq

context = zmq.Context()
router = context.socket(zmq.ROUTER)
router.maxmsgsize = 1000
port = router.bind_to_random_port("tcp://127.0.0.1")


def received(frames):
    dealer = context.socket(zmq.DEALER)
    dealer.linger = 0
    dealer.connect(f"tcp://127.0.0.1:{port}")
    dealer.send_multipart(frames)
    got = sum(map(len, router.recv_multipart()[1:])) if router.poll(2000) else 0
    dealer.close()
    return got


print("libzmq", zmq.zmq_version())
print("1000 frames of 1000 bytes:", received([bytes(1000)] * 1000))
print("1 frame of 1001 bytes:", received([bytes(1001)]))
context.destroy(linger=0)
PYTHON
LD_LIBRARY_PATH=$(dirname "$(find "$PWD/root" -name 'libzmq.so.5')") PYTHONPATH=$PWD/root/usr/lib/python3/dist-packages \
  /usr/bin/python3 frames.py | tee seen
cat >expected <<'TEXT'
libzmq 4.3.4
1000 frames of 1000 bytes: 1000000
1 frame of 1001 bytes: 0
TEXT
cmp seen expected && echo "as described"
