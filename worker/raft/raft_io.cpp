#include "worker/raft/raft_io.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "protocol/check.hpp"
#include "worker/raft/library_values.hpp"
#include "worker/raft/stored_configuration.hpp"

namespace trellis {
namespace {

/// The library's own cost of an entry that it keeps, as measured (docs/design.md).
constexpr std::uint64_t kEntryOverhead = 200;

std::uint64_t cost_of(const struct raft_entry& entry) { return entry.buf.len + kEntryOverhead; }

}  // namespace

RaftIo::RaftIo(PartitionId group, ReplicaHost& host, ReplicaOwner& owner, struct raft& raft)
    : group_(group), host_(host), owner_(owner), raft_(raft) {
  io_.version = 2;
  io_.impl = this;  // Not io_.data: raft_init overwrites that.
  io_.init = [](struct raft_io*, raft_id, const char*) { return 0; };
  io_.close = [](struct raft_io* io, raft_io_close_cb done) { self(io).close(done); };
  io_.load = [](struct raft_io* io, raft_term* term, raft_id* vote, struct raft_snapshot** snapshot, raft_index* start,
                struct raft_entry* entries[],
                size_t* count) { return self(io).load(term, vote, snapshot, start, entries, count); };
  io_.start = [](struct raft_io* io, unsigned, raft_io_tick_cb tick, raft_io_recv_cb receive) {
    self(io).tick_ = tick;
    self(io).receive_ = receive;
    return 0;
  };
  // A group is bootstrapped by Replica::bootstrap, in the batch that makes the cluster map durable.
  io_.bootstrap = [](struct raft_io*, const struct raft_configuration*) { return static_cast<int>(RAFT_IOERR); };
  io_.recover = [](struct raft_io*, const struct raft_configuration*) { return static_cast<int>(RAFT_IOERR); };
  io_.set_term = [](struct raft_io* io, raft_term term) {
    self(io).hard_state_ = {term, 0};
    self(io).put_hard_state();
    return 0;
  };
  io_.set_vote = [](struct raft_io* io, raft_id vote) {
    self(io).hard_state_.vote = vote;
    self(io).put_hard_state();
    return 0;
  };
  io_.send = [](struct raft_io* io, struct raft_io_send* request, const struct raft_message* message,
                raft_io_send_cb done) { return self(io).send(request, message, done); };
  io_.append = [](struct raft_io* io, struct raft_io_append* request, const struct raft_entry entries[], unsigned count,
                  raft_io_append_cb done) { return self(io).append(request, entries, count, done); };
  io_.truncate = [](struct raft_io* io, raft_index index) { return self(io).truncate(index); };
  io_.snapshot_put = [](struct raft_io* io, unsigned trailing, struct raft_io_snapshot_put* request,
                        const struct raft_snapshot* snapshot, raft_io_snapshot_put_cb done) {
    return self(io).put_snapshot(trailing, request, snapshot, done);
  };
  io_.snapshot_get = [](struct raft_io* io, struct raft_io_snapshot_get* request, raft_io_snapshot_get_cb done) {
    self(io).gets_.push_back({request, done});
    self(io).host_.wake(self(io).group_);
    return 0;
  };
  io_.time = [](struct raft_io* io) -> raft_time {
    return static_cast<raft_time>(
        std::chrono::duration_cast<std::chrono::milliseconds>(self(io).host_.now().time_since_epoch()).count());
  };
  io_.random = [](struct raft_io* io, int low, int high) {
    return low + static_cast<int>(self(io).host_.random() % static_cast<std::uint64_t>(high - low + 1));
  };
  io_.async_work = [](struct raft_io* io, struct raft_io_async_work* request, raft_io_async_work_cb done) {
    self(io).work_ = {request, done};
    self(io).on_work();
    return 0;
  };
}

int RaftIo::load(raft_term* term, raft_id* vote, struct raft_snapshot** snapshot, raft_index* start,
                 struct raft_entry** entries, size_t* count) {
  std::vector<struct raft_entry> loaded;
  *snapshot = nullptr;
  *entries = nullptr;
  *count = 0;
  if (auto done = load_records(term, vote, snapshot, start, loaded); !done) {
    load_error_ = done.error();
    for (struct raft_entry& entry : loaded) raft_free(entry.buf.base);
    return RAFT_CORRUPT;
  }
  if (loaded.empty()) return 0;
  *entries = static_cast<struct raft_entry*>(raft_malloc(loaded.size() * sizeof(struct raft_entry)));
  CHECK(*entries != nullptr);
  std::copy(loaded.begin(), loaded.end(), *entries);
  *count = loaded.size();
  return 0;
}

Result<void> RaftIo::load_records(raft_term* term, raft_id* vote, struct raft_snapshot** snapshot, raft_index* start,
                                  std::vector<struct raft_entry>& entries) {
  const auto damaged = [this](const std::string& what) {
    return Error{Code::kInternal, "partition " + std::to_string(group_.value) + ": " + what};
  };
  LogStore& store = host_.log_store();
  const auto hard_state = store.hard_state(group_);
  if (!hard_state) return hard_state.error();
  if (!*hard_state) return damaged("term and vote are missing from the log store");
  hard_state_ = **hard_state;
  *term = hard_state_.term;
  *vote = hard_state_.vote;

  const auto snapshot_value = store.get(records::snapshot_name(group_));
  if (!snapshot_value) return snapshot_value.error();
  if (*snapshot_value) {
    auto record = records::read_snapshot_record(**snapshot_value);
    if (!record) return record.error();
    snapshot_ = std::move(*record);
  }
  if (snapshot_ && (snapshot_->term > hard_state_.term || snapshot_->configuration.empty()))
    return damaged("its snapshot's record cannot be");
  const std::uint64_t snapshot_index = snapshot_ ? snapshot_->index : 0;

  // A replica that joined a group has nothing until its leader has sent it something.
  const auto local = store.get(records::local_replica_name(group_));
  if (!local) return local.error();
  const auto made = *local ? records::read_local_replica(**local) : records::LocalReplica{};
  if (!made) return made.error();
  const bool is_new = made->held.value != 0 && made->term != 0;
  if (hard_state_.term == 0 && !is_new) return damaged("term and vote cannot be");

  const auto hint = store.get(records::commit_name(group_));
  if (!hint) return hint.error();
  if (*hint) {
    const auto number = records::read_number(**hint);
    if (!number) return number.error();
    commit_hint_ = *number;
  }

  std::uint64_t next = 0;
  std::uint64_t last_term = 0;
  const auto take = [&](LogIndex at, const EntryHead& head, std::string_view payload) -> Result<void> {
    const std::uint64_t index = at.value;
    if (head.term == 0 || head.type < RAFT_COMMAND || head.type > RAFT_CHANGE)
      return damaged("no entry is like entry " + std::to_string(index));
    if (next != 0 && index != next) return damaged("the log has a gap before entry " + std::to_string(index));
    if (head.term < last_term) return damaged("the terms of the log go back at entry " + std::to_string(index));
    if (head.term > hard_state_.term)
      return damaged("the term of entry " + std::to_string(index) + " lies in the future");
    if (snapshot_ && index == snapshot_->index && head.term != snapshot_->term)
      return damaged("log and snapshot differ at entry " + std::to_string(index));
    if (next == 0) first_index_ = index;
    next = index + 1;
    last_term = head.term;
    struct raft_entry entry {};
    entry.term = head.term;
    entry.type = head.type;
    entry.buf = copy_for_library(payload);
    entries.push_back(entry);
    return {};
  };
  auto scanned = store.entries(group_, take);
  if (!scanned) return scanned.error();
  if (entries.empty()) {
    first_index_ = snapshot_index + 1;
    if (!snapshot_ && (!is_new || commit_hint_ != 0)) return damaged("neither a log nor a snapshot is there");
  } else if (!snapshot_ && (first_index_ != 1 || entries[0].type != RAFT_CHANGE)) {
    return damaged("the log does not begin with the configuration");
  } else if (snapshot_ && first_index_ > snapshot_index + 1) {
    return damaged("entries are missing between snapshot and log");
  } else if (snapshot_ && next <= snapshot_index) {
    return damaged("the log ends before its snapshot");
  }
  if (auto raised = raise_term_of_lone_voter(entries, term, vote); !raised) return raised;
  *start = first_index_;
  if (snapshot_) *snapshot = to_library(*snapshot_);
  return {};
}

/// The library elects a lone voter when it starts, in the term that it finds: two incarnations would lead in one term,
/// and write different entries at one index of it.  So the term is raised before the library sees it, with the vote for
/// itself; both are in the batch of the first entry that this incarnation writes.
Result<void> RaftIo::raise_term_of_lone_voter(const std::vector<struct raft_entry>& entries, raft_term* term,
                                              raft_id* vote) {
  const auto is_change = [](const struct raft_entry& entry) { return entry.type == RAFT_CHANGE; };
  const auto newest = std::find_if(entries.rbegin(), entries.rend(), is_change);
  std::vector<records::ConfigurationMember> members;
  if (newest != entries.rend()) {
    auto read = records::read_configuration_entry(view(newest->buf));
    if (!read) return read.error();
    members = std::move(*read);
  } else if (snapshot_) {
    members = snapshot_->configuration;
  }
  if (!raises_lone_term || !records::is_lone_voter(members, {raft_.id})) return {};
  hard_state_ = {hard_state_.term + 1, raft_.id};
  put_hard_state();
  *term = hard_state_.term;
  *vote = hard_state_.vote;
  return {};
}

void RaftIo::put_hard_state() {
  host_.log_store().put_hard_state(group_, hard_state_);
  hard_state_batch_ = host_.collecting_batch();
  host_.wake(group_);
}

void RaftIo::collect_commit_hint() {
  if (raft_.commit_index <= commit_hint_) return;
  commit_hint_ = raft_.commit_index;
  host_.log_store().put(records::commit_name(group_), records::pack_number(commit_hint_));
}

int RaftIo::append(struct raft_io_append* request, const struct raft_entry* entries, unsigned count,
                   raft_io_append_cb done) {
  request->cb = done;
  // The index is not passed: the entries are the tail of the in-memory log.
  const std::uint64_t first = raft_last_index(&raft_) - count + 1;
  for (unsigned i = 0; i < count; ++i) {
    const EntryHead head{entries[i].term, static_cast<std::uint8_t>(entries[i].type)};
    host_.log_store().append(group_, {first + i}, head, view(entries[i].buf));
    log_bytes_ += cost_of(entries[i]);
  }
  host_.on_entries_collected(count);
  appends_.push_back({request, done, answer_, host_.collecting_batch()});
  host_.wake(group_);
  return 0;
}

int RaftIo::truncate(raft_index index) {
  host_.log_store().truncate(group_, {index});
  host_.wake(group_);
  return 0;
}

int RaftIo::put_snapshot(unsigned trailing, struct raft_io_snapshot_put* request, const struct raft_snapshot* snapshot,
                         raft_io_snapshot_put_cb done) {
  putting_ = to_record(*snapshot);
  LogStore& store = host_.log_store();
  store.put(records::snapshot_name(group_), records::pack(putting_));
  if (trailing == 0) {
    // An installed snapshot replaces the whole log; the library has dropped its own already.
    store.truncate(group_, {0});
    first_index_ = putting_.index + 1;
  } else if (putting_.index > trailing && putting_.index - trailing + 1 > first_index_) {
    const std::uint64_t first = putting_.index - trailing + 1;
    store.cut(group_, {first});
    first_index_ = first;
  }
  puts_.push_back({request, done, putting_.descriptor, trailing == 0, host_.collecting_batch()});
  host_.wake(group_);
  return 0;
}

bool RaftIo::finish_durable() {
  const BatchNumber durable = host_.durable_batch();
  if (!appends_.empty() && appends_.front().batch <= durable) {
    const Append append = appends_.front();
    if (append.answer && append.answer->is_piece && !host_.may_finish_piece(group_)) return false;
    appends_.pop_front();
    answer_ = append.answer;
    append.done(append.request, 0);
    answer_.reset();
    return true;
  }
  if (!puts_.empty() && puts_.front().batch <= durable) {
    const Put put = std::move(puts_.front());
    puts_.pop_front();
    snapshot_ = putting_;
    put.done(put.request, 0);
    // R15: with the log went a configuration that was not committed; the library would wait for it for ever.
    if (put.replaces_log) raft_.configuration_uncommitted_index = 0;
    recount_log();
    owner_.on_snapshot_recorded(put.descriptor);
    return true;
  }
  return false;
}

void RaftIo::finish_reads() {
  std::vector<Get> gets;
  gets.swap(gets_);
  for (const Get& get : gets) {
    get.done(get.request, snapshot_ ? to_library(*snapshot_) : nullptr, snapshot_ ? 0 : RAFT_NOTFOUND);
  }
}

void RaftIo::finish_work(int status) {
  const Work work = work_;
  work_ = {};
  work.done(work.request, status);
}

void RaftIo::finish_work_of_library() { finish_work(work_.request->work(work_.request)); }

void RaftIo::recount_log() {
  log_bytes_ = 0;
  const raft_index last = raft_last_index(&raft_);
  for (raft_index i = raft_.log.snapshot.last_index + 1; i <= last; ++i) {
    const struct raft_entry* entry = entry_at(raft_, i);
    if (entry != nullptr) log_bytes_ += cost_of(*entry);
  }
}

std::uint64_t RaftIo::log_memory() const {
  constexpr std::uint64_t kLookedAt = 1024;
  const std::uint64_t held = entries_held(raft_.log);
  const std::uint64_t step = held / kLookedAt + 1;
  std::uint64_t looked_at = 0;
  std::uint64_t bytes = 0;
  for (std::uint64_t i = 0; i < held; i += step, ++looked_at) {
    bytes += entry_at(raft_, raft_.log.offset + 1 + i)->buf.len;
  }
  const std::uint64_t payload = looked_at == 0 ? 0 : bytes * held / looked_at;
  return payload + raft_.log.size * sizeof(struct raft_entry) + raft_.log.refs_size * sizeof(struct raft_entry_ref);
}

void RaftIo::close(raft_io_close_cb done) {
  finish_sends();
  // Status 0 on purpose: an error would make the library truncate its log.
  while (!appends_.empty()) {
    const Append append = appends_.front();
    appends_.pop_front();
    append.done(append.request, 0);
  }
  while (!puts_.empty()) {
    const Put put = std::move(puts_.front());
    puts_.pop_front();
    put.done(put.request, RAFT_CANCELED);
  }
  if (has_work()) finish_work(RAFT_CANCELED);
  std::vector<Get> gets;
  gets.swap(gets_);
  for (const Get& get : gets) get.done(get.request, nullptr, RAFT_CANCELED);
  finish_sends();
  done(&io_);
}

}  // namespace trellis
