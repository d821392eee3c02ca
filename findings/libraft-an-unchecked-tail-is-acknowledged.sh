#!/usr/bin/env bash
# A good guess: a follower answers an AppendEntries with the last index that this message has compared with the leader's
# log, its previous index plus its entries (Raft's match index), whatever else its own log holds behind that.
# What happens: libraft answers with the last index of its own log. A heartbeat that was compared at entry 1 alone is
# answered with 5 by a follower which has entries 2 to 5 of an earlier term, and of an earlier leader.
# Why it matters: the leader takes that for what it has replicated and counts it towards a majority, though these may be
# other entries than its own; under lost and late messages two servers then apply different commands at one index.
# Whoever writes a raft_io has to keep the answer down to what the answered message allows, before it is sent.
#
# Version: libraft 0.15.0 (Debian 0.15.0-1). Seen on 2026-11-30: "compared at 1, acknowledged 5".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libraft2=0.15.0-1 libraft-dev=0.15.0-1 libuv1 liblz4-1
for package in *.deb; do dpkg -x "$package" root; done

cat >follower.c <<'C'
// A follower of three servers, whose log has a tail from term 1; the leader of term 2 sends it a heartbeat.
#include <raft.h>
#include <stdio.h>
#include <string.h>

enum { kLast = 5 };

static raft_io_recv_cb receive;
static struct raft_append_entries_result answer;
static bool has_answered = false;

static int init(struct raft_io *io, raft_id id, const char *address) { return 0; }
static void close_io(struct raft_io *io, raft_io_close_cb done) { done(io); }

static struct raft_entry entry_of(unsigned short type, const void *bytes, size_t size) {
  struct raft_entry entry;
  memset(&entry, 0, sizeof entry);
  entry.term = 1;
  entry.type = type;
  entry.buf.len = size;
  entry.buf.base = memcpy(raft_malloc(size), bytes, size);
  return entry;
}

static int load(struct raft_io *io, raft_term *term, raft_id *vote, struct raft_snapshot **snapshot, raft_index *start,
                struct raft_entry **entries, size_t *count) {
  // Three voters, as the library encodes a configuration: a format, their number, then id, address and role of each.
  unsigned char packed[48] = {1, 3};
  for (unsigned i = 0; i < 3; ++i) {
    packed[9 + 11 * i] = (unsigned char)(i + 1);
    packed[9 + 11 * i + 8] = (unsigned char)('a' + i);
    packed[9 + 11 * i + 10] = RAFT_VOTER;
  }
  *term = 1;
  *vote = 0;
  *snapshot = NULL;
  *start = 1;
  *count = kLast;
  *entries = raft_calloc(kLast, sizeof **entries);
  (*entries)[0] = entry_of(RAFT_CHANGE, packed, sizeof packed);
  for (int i = 1; i < kLast; ++i) (*entries)[i] = entry_of(RAFT_COMMAND, "command", 8);
  return 0;
}

static int start(struct raft_io *io, unsigned ms, raft_io_tick_cb on_tick, raft_io_recv_cb on_message) {
  receive = on_message;
  return 0;
}
static int set_term(struct raft_io *io, raft_term term) { return 0; }
static int set_vote(struct raft_io *io, raft_id server) { return 0; }
static raft_time clock_now(struct raft_io *io) { return 0; }
static int draw(struct raft_io *io, int min, int max) { return min; }
static int apply(struct raft_fsm *fsm, const struct raft_buffer *buffer, void **result) { return 0; }

static int send_message(struct raft_io *io, struct raft_io_send *request, const struct raft_message *message,
                        raft_io_send_cb done) {
  has_answered = message->type == RAFT_IO_APPEND_ENTRIES_RESULT;
  if (has_answered) answer = message->append_entries_result;
  return 0;
}

int main(void) {
  struct raft_io io = {.version = 1, .init = init, .close = close_io, .load = load, .start = start,
                       .set_term = set_term, .set_vote = set_vote, .send = send_message, .time = clock_now,
                       .random = draw};
  struct raft_fsm fsm = {.version = 1, .apply = apply};
  static struct raft raft;
  if (raft_init(&raft, &io, &fsm, 1, "a") != 0 || raft_start(&raft) != 0) return 2;
  struct raft_message heartbeat;
  memset(&heartbeat, 0, sizeof heartbeat);
  heartbeat.type = RAFT_IO_APPEND_ENTRIES;
  heartbeat.server_id = 3;
  heartbeat.server_address = "c";
  heartbeat.append_entries.term = 2;
  heartbeat.append_entries.prev_log_index = 1;
  heartbeat.append_entries.prev_log_term = 1;
  heartbeat.append_entries.leader_commit = 1;
  receive(&io, &heartbeat);
  if (!has_answered || answer.rejected != 0) return 3;
  printf("compared at 1, acknowledged %llu\n", answer.last_log_index);
  return answer.last_log_index == kLast ? 0 : 1;
}
C
libraries=$folder/root/usr/lib/x86_64-linux-gnu
gcc -Iroot/usr/include follower.c -o follower "$libraries/libraft.so.2" -Wl,-rpath,"$libraries",--allow-shlib-undefined
LD_LIBRARY_PATH=$libraries ./follower
