#!/usr/bin/env bash
# A good guess: a JavaScript packer writes a number without a fraction as a MessagePack integer as long as float64 holds
# it exactly, up to 2^53; so a version or a counter that was read as an integer goes back as one.
# What happens: msgpackr writes integers from 2^32 on, and below -2^31, as float64 (cb). @msgpack/msgpack writes uint64 and
# int64. Both read what the other wrote.
# Why it matters: versions, ids and log positions pass 2^32 soon. A server that takes integers alone where it means
# integers refuses the version that it gave out itself, and each conditional write of such a client fails for good.
#
# Versions: msgpackr 2.1.4 and @msgpack/msgpack 3.1.3 on Node.js 20. Seen on 2026-11-29:
#   msgpackr 4294967295 ceffffffff, 4294967296 cb41f0000000000000; @msgpack/msgpack 4294967296 cf0000000100000000
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-save msgpackr@2.1.4 @msgpack/msgpack@3.1.3 >/dev/null

cat >pack.mjs <<'JS'
import { pack } from "msgpackr";
import { encode } from "@msgpack/msgpack";
for (const value of [2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, -(2 ** 31), -(2 ** 31) - 1])
  console.log(value, Buffer.from(pack(value)).toString("hex"), Buffer.from(encode(value)).toString("hex"));
JS
node pack.mjs | tee seen
cat >expected <<'TEXT'
4294967295 ceffffffff ceffffffff
4294967296 cb41f0000000000000 cf0000000100000000
9007199254740991 cb433fffffffffffff cf001fffffffffffff
-2147483648 d280000000 d280000000
-2147483649 cbc1e0000000200000 d3ffffffff7fffffff
TEXT
cmp seen expected && echo "as described"
