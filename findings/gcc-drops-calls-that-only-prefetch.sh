#!/usr/bin/env bash
# A good guess: a function that prefetches a node of a tree may be called from the loop that walks it; where the compiler
# does not inline it, the call costs a little, and the prefetch is made.
# What happens: GCC takes a function that does nothing but __builtin_prefetch for one without effects, and leaves out its
# calls, without a warning. The same builtin in the loop itself stays. (So does that of a function so small that it is
# inlined early: it depends on its size.)
# Why it matters: searches in a trie that were to wait for memory together wait one after the other as before, all tests
# pass, and a benchmark says that prefetching is not worth it. Trellis had come to that conclusion once; with the builtin
# in place (always_inline, worker/trie/trie.cpp) a GET in a batch costs its worker a third less. No test can see a
# prefetch: `objdump -d build/bin/trellis-worker` has to show them in descend_together.
#
# Version: Debian's g++-12 12.2.0-14+deb12u1, at -O1, -O2 and -O3. Seen on 2026-11-30: see below; clang 14 keeps the calls.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download g++-12=12.2.0-14+deb12u1
dpkg -x g++-12_12.2.0-14+deb12u1_*.deb root
compiler=$(find root -name cc1plus)

cat >walk.cpp <<'CPP'
struct Node { Node* next; };
[[gnu::noinline]] void fetch(const Node* node) { __builtin_prefetch(node); }
extern "C" void by_a_function(Node** ways, long count) {
  for (long i = 0; i < count; ++i) { ways[i] = ways[i]->next; fetch(ways[i]); }
}
extern "C" void in_the_loop(Node** ways, long count) {
  for (long i = 0; i < count; ++i) { ways[i] = ways[i]->next; __builtin_prefetch(ways[i]); }
}
extern "C" void nothing_else(Node** ways, long count) {
  for (long i = 0; i < count; ++i) fetch(ways[i]);
}
CPP
for level in -O1 -O2 -O3; do
  "$compiler" -quiet -std=c++20 "$level" walk.cpp -o walk.s
  for function in by_a_function in_the_loop nothing_else; do
    sed -n "/^$function:/,/\.cfi_endproc/p" walk.s >body
    echo "$level $function: $(grep -c 'call.*fetch' body || true) calls, $(grep -c prefetch body || true) prefetches"
  done
done | tee seen
cat >expected <<'TEXT'
-O1 by_a_function: 0 calls, 0 prefetches
-O1 in_the_loop: 0 calls, 1 prefetches
-O1 nothing_else: 0 calls, 0 prefetches
-O2 by_a_function: 0 calls, 0 prefetches
-O2 in_the_loop: 0 calls, 1 prefetches
-O2 nothing_else: 0 calls, 0 prefetches
-O3 by_a_function: 0 calls, 0 prefetches
-O3 in_the_loop: 0 calls, 1 prefetches
-O3 nothing_else: 0 calls, 0 prefetches
TEXT
cmp seen expected && echo "as described"
