#!/usr/bin/env bash
# A good guess: msgpack-cxx packs a double as float64, all the more where its packer's pack_double is called, so that a
# reader in any language gets a float back.
# What happens: a double without a fraction that fits a 64-bit integer is packed as an integer, by pack() and by
# pack_double() alike; 2.0 is the byte 02. Others are float64.
# Why it matters: a store that keeps documents byte for byte keeps the integer. A reader with strict types sees a field
# whose type changes with its value, and a client in another language computes 7 / 2 = 3 with it.
#
# Version: Debian's libmsgpack-cxx-dev 4.1.3-1 (headers alone). Seen on 2026-11-29:
#   pack(2.0) 02, pack(2.5) cb4004000000000000, pack_double(2.0) 02, pack_double(-3.0) fd
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libmsgpack-cxx-dev=4.1.3-1
dpkg -x libmsgpack-cxx-dev_4.1.3-1_*.deb root

cat >pack.cpp <<'CPP'
#include <cstdio>
#include <msgpack.hpp>

template <typename Pack>
void show(const char* what, Pack pack) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> packer(buffer);
  pack(packer);
  std::printf("%s ", what);
  for (std::size_t i = 0; i < buffer.size(); ++i) std::printf("%02x", static_cast<unsigned char>(buffer.data()[i]));
  std::printf("\n");
}

int main() {
  show("pack(2.0)", [](auto& packer) { packer.pack(2.0); });
  show("pack(2.5)", [](auto& packer) { packer.pack(2.5); });
  show("pack_double(2.0)", [](auto& packer) { packer.pack_double(2.0); });
  show("pack_double(-3.0)", [](auto& packer) { packer.pack_double(-3.0); });
}
CPP
g++ -std=c++17 -DMSGPACK_NO_BOOST -Iroot/usr/include pack.cpp -o pack
./pack | tee seen
cat >expected <<'TEXT'
pack(2.0) 02
pack(2.5) cb4004000000000000
pack_double(2.0) 02
pack_double(-3.0) fd
TEXT
cmp seen expected && echo "as described"
