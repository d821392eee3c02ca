#!/usr/bin/env bash
# A good guess: a leader sends a follower that is behind its log in messages of some bounded size, as etcd's library
# does (MaxSizePerMsg), and waits for acknowledgements in between.
# What happens: libraft puts all that the follower lacks into one AppendEntries, however much that is. Where the
# transport sends a part of it and the follower acknowledges that, the rest does not follow: it passes for sent.
# Why it matters: a follower that was away for an hour, or is new, is sent the whole log at once: the transport
# buffers it all, heartbeats wait behind it, and the follower takes it in while it does nothing else. Whoever writes a
# raft_io has to cut the message in send(), and to set the follower's next_index back in the leader's progress, which
# is the library's own; without that the rest comes when a later message has been refused.
#
# Version: libraft 0.15.0 (Debian 0.15.0-1). Seen on 2026-11-30, with 20,000 entries of 1 KiB that one of three
# servers lacks: "20000 entries in one message, 20480000 bytes; 0 after a part of them was acknowledged".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download libraft2=0.15.0-1 libraft-dev=0.15.0-1 libuv1 liblz4-1
for package in *.deb; do dpkg -x "$package" root; done

cat >leader.c <<'C'
// The leader of three servers, of which the second answers and the third does not.
#include <raft.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kEntries = 20000, kSize = 1024 };

static raft_time now = 0;
static raft_io_tick_cb tick;
static raft_io_recv_cb receive;
static struct raft_io_append *appending[8];
static unsigned appends = 0;
static unsigned largest = 0;  // Of the AppendEntries to the second server: entries, and their bytes.
static size_t largest_bytes = 0;

static int init(struct raft_io *io, raft_id id, const char *address) { return 0; }
static void close_io(struct raft_io *io, raft_io_close_cb done) { done(io); }

// The log of a new cluster: its configuration, as the library encodes it.
static int load(struct raft_io *io, raft_term *term, raft_id *vote, struct raft_snapshot **snapshot, raft_index *start,
                struct raft_entry **entries, size_t *count) {
  struct raft_configuration servers;
  raft_configuration_init(&servers);
  const char *const addresses[] = {"a", "b", "c"};
  for (raft_id id = 1; id <= 3; ++id) raft_configuration_add(&servers, id, addresses[id - 1], RAFT_VOTER);
  unsigned char packed[64] = {1, 3};
  size_t size = 9;
  for (unsigned i = 0; i < servers.n; ++i) {
    packed[size] = (unsigned char)servers.servers[i].id;
    packed[size + 8] = (unsigned char)servers.servers[i].address[0];
    packed[size + 10] = (unsigned char)servers.servers[i].role;
    size += 11;
  }
  raft_configuration_close(&servers);
  size = (size + 7) / 8 * 8;
  *term = 1;
  *vote = 0;
  *snapshot = NULL;
  *start = 1;
  *count = 1;
  *entries = raft_calloc(1, sizeof **entries);
  (*entries)->term = 1;
  (*entries)->type = RAFT_CHANGE;
  (*entries)->buf.len = size;
  (*entries)->buf.base = memcpy(raft_malloc(size), packed, size);
  return 0;
}

static int start(struct raft_io *io, unsigned ms, raft_io_tick_cb on_tick, raft_io_recv_cb on_message) {
  tick = on_tick;
  receive = on_message;
  return 0;
}
static int set_term(struct raft_io *io, raft_term term) { return 0; }
static int set_vote(struct raft_io *io, raft_id server) { return 0; }

static struct raft_io_send *sent[64];
static unsigned sends = 0;

static int send_message(struct raft_io *io, struct raft_io_send *request, const struct raft_message *message,
                        raft_io_send_cb done) {
  request->cb = done;
  sent[sends++] = request;
  if (message->type != RAFT_IO_APPEND_ENTRIES || message->server_id != 2) return 0;
  const struct raft_append_entries *append = &message->append_entries;
  size_t bytes = 0;
  for (unsigned i = 0; i < append->n_entries; ++i) bytes += append->entries[i].buf.len;
  if (append->n_entries > largest) largest = append->n_entries, largest_bytes = bytes;
  return 0;
}

static int append(struct raft_io *io, struct raft_io_append *request, const struct raft_entry *entries, unsigned count,
                  raft_io_append_cb done) {
  request->cb = done;
  appending[appends++] = request;
  return 0;
}

static raft_time clock_now(struct raft_io *io) { return now; }
static int draw(struct raft_io *io, int min, int max) { return min; }
static int apply(struct raft_fsm *fsm, const struct raft_buffer *buffer, void **result) { return 0; }

// What was sent has left, and what was appended is durable.
static void complete(void) {
  while (sends > 0) {
    struct raft_io_send *request = sent[--sends];
    if (request->cb != NULL) request->cb(request, 0);
  }
  while (appends > 0) {
    struct raft_io_append *request = appending[--appends];
    request->cb(request, 0);
  }
}

static void hear(struct raft *raft, unsigned short type, raft_index last) {
  struct raft_message message;
  memset(&message, 0, sizeof message);
  message.type = type;
  message.server_id = 2;
  message.server_address = "b";
  if (type == RAFT_IO_REQUEST_VOTE_RESULT) {
    message.request_vote_result.term = raft->current_term;
    message.request_vote_result.vote_granted = true;
    message.request_vote_result.pre_vote = raft_tribool_false;
  } else {
    message.append_entries_result.term = raft->current_term;
    message.append_entries_result.last_log_index = last;
  }
  receive(raft->io, &message);
  complete();
}

static void applied(struct raft_apply *request, int status, void *result) { }

int main(void) {
  struct raft_io io = {.version = 1, .init = init, .close = close_io, .load = load, .start = start,
                       .set_term = set_term, .set_vote = set_vote, .send = send_message, .append = append,
                       .time = clock_now, .random = draw};
  struct raft_fsm fsm = {.version = 1, .apply = apply};
  static struct raft raft;
  if (raft_init(&raft, &io, &fsm, 1, "a") != 0 || raft_start(&raft) != 0) return 2;
  now += 10000;  // Past its election timeout.
  tick(&io);
  complete();
  hear(&raft, RAFT_IO_REQUEST_VOTE_RESULT, 0);
  if (raft_state(&raft) != RAFT_LEADER) return 3;

  struct raft_buffer *buffers = calloc(kEntries, sizeof *buffers);
  for (int i = 0; i < kEntries; ++i) {
    buffers[i].len = kSize;
    buffers[i].base = raft_calloc(1, kSize);
  }
  static struct raft_apply request;
  if (raft_apply(&raft, &request, buffers, kEntries, applied) != 0) return 4;
  complete();
  hear(&raft, RAFT_IO_APPEND_ENTRIES_RESULT, 1);  // It holds the configuration, and lacks all that came since.
  printf("%u entries in one message, %zu bytes; ", largest, largest_bytes);
  const bool is_one = largest == kEntries;
  largest = 0;
  hear(&raft, RAFT_IO_APPEND_ENTRIES_RESULT, 1 + kEntries / 4);
  printf("%u after a part of them was acknowledged\n", largest);
  return is_one && largest == 0 ? 0 : 1;
}
C
libraries=$folder/root/usr/lib/x86_64-linux-gnu
gcc -Iroot/usr/include leader.c -o leader "$libraries/libraft.so.2" -Wl,-rpath,"$libraries",--allow-shlib-undefined
LD_LIBRARY_PATH=$libraries ./leader
