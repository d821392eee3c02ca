#include "worker/state/state_machine.hpp"

#include <optional>
#include <string>
#include <utility>

#include "protocol/check.hpp"
#include "protocol/packed.hpp"
#include "protocol/patch/in_place.hpp"
#include "protocol/patch/patcher.hpp"
#include "worker/state/listing.hpp"

namespace trellis {
namespace {

WriteAnswer yes_or_no(bool value) {
  WriteAnswer answer;
  answer.kind = value ? AnswerKind::kTrue : AnswerKind::kFalse;
  return answer;
}

WriteAnswer refused(Code code, std::uint64_t version) {
  WriteAnswer answer;
  answer.code = code;
  answer.version = version;
  return answer;
}

WriteAnswer with_content(Frame content, std::uint64_t version) {
  WriteAnswer answer;
  answer.kind = AnswerKind::kContent;
  answer.version = version;
  answer.content = std::move(content);
  return answer;
}

/// The packed message stands in the answer, so that whoever asks again is told the same.
WriteAnswer refused_with(const Error& error) {
  WriteAnswer answer;
  answer.code = error.code;
  answer.kind = AnswerKind::kContent;
  std::string packed;
  PackedWriter(packed).str(error.message);
  answer.content = Frame(std::move(packed));
  return answer;
}

/// What keeps a write from being done.
std::optional<WriteAnswer> unmet_condition(const Entry& entry, const std::optional<StoredDocument>& stored) {
  if (entry.if_absent && stored) return refused(Code::kAlreadyExists, stored->version);
  if (entry.if_present && !stored) return refused(Code::kNotFound, 0);
  if (entry.if_version && (!stored || stored->version != *entry.if_version)) {
    return refused(Code::kFailedPrecondition, stored ? stored->version : 0);
  }
  return std::nullopt;
}

/// When the document of an entry is due to go; 0: never.
std::uint64_t deadline_of(const Entry& entry) { return entry.ttl_ms ? entry.time->ms + *entry.ttl_ms : 0; }

/// What is left of a document's time; nothing where it stays for good.
std::optional<std::uint64_t> left_of(const StoredDocument& stored, std::uint64_t now) {
  return stored.deadline == 0 ? std::nullopt : std::optional(left_until(stored.deadline, now));
}

/// Why a condition did not hold, from what the answer remembers of it.
std::string condition_message(const Entry& entry, const WriteAnswer& answer) {
  if (answer.kind == AnswerKind::kContent) {
    return std::string(PackedReader(answer.content.bytes()).read_str().value_or(std::string_view()));
  }
  if (answer.kind == AnswerKind::kDropped) {
    return "an operation could not be done, and nothing was; which one it was is no longer known";
  }
  if (answer.version == 0) return "if_version is " + std::to_string(*entry.if_version) + ", but the key is missing";
  if (entry.if_absent) return "the key exists, with version " + std::to_string(answer.version);
  return "if_version is " + std::to_string(entry.if_version.value_or(0)) + ", but the document has version " +
         std::to_string(answer.version);
}

CommandResult failed_exactly_once(ExactlyOnce told, std::string message) {
  CommandResult result = CommandResult::failed(Code::kFailedPrecondition, std::move(message));
  result.exactly_once = told;
  return result;
}

CommandResult not_found(bool is_query) {
  return CommandResult::failed(Code::kNotFound, is_query ? "nothing at this path" : "no such key");
}

CommandResult another_request() {
  return failed_exactly_once(ExactlyOnce::kOtherRequest,
                             "nothing new was done: this session and seq stand for another request, which was applied "
                             "before; a new request takes a seq of its own, a retry repeats the first one's key, "
                             "document and conditions");
}

/// A copy that came so late that its record is gone.  Whoever sent it gave it an identity, and can look for itself what
/// became of the first; to a client that gave it none, its broker's name for it says nothing.
CommandResult too_old(const Entry& entry) {
  if (entry.broker_session) {
    return CommandResult::failed(Code::kDeadlineExceeded,
                                 "this request is so old that it is no longer known whether it was applied");
  }
  return failed_exactly_once(ExactlyOnce::kUnknown,
                             "outcome unknown: seq " + std::to_string(entry.seq) +
                                 " lies below the floor of its session, or among what is forgotten of it, so this "
                                 "request was perhaps applied before; nothing was done now, read the key to see");
}

/// The result that goes with an answer.  A pure function of entry and answer, so a repeated write gets the first
/// reply to the letter.
CommandResult result_of(const Entry& entry, WriteAnswer answer) {
  if (answer.code == Code::kNotFound) return not_found(entry.kind == EntryKind::kQuery);
  if (answer.code != Code::kOk) return CommandResult::failed(answer.code, condition_message(entry, answer));
  CommandResult result;
  if (answer.version != 0) result.version = answer.version;
  switch (answer.kind) {
    case AnswerKind::kNil: break;
    case AnswerKind::kFalse: result.kind = ResultKind::kFalse; break;
    case AnswerKind::kTrue: result.kind = ResultKind::kTrue; break;
    case AnswerKind::kContent:
      result.kind = ResultKind::kPacked;
      result.packed = std::move(answer.content);
      break;
    case AnswerKind::kDropped:
      return failed_exactly_once(ExactlyOnce::kApplied,
                                 "this request was applied before, but its reply was too large to keep");
  }
  return result;
}

}  // namespace

CommandResult StateMachine::apply(LogIndex index, std::uint32_t position, const Entry& entry, bool is_awaited) {
  CHECK(applied_ < index || version_ < version_of(raised(index), position));
  applied_ = index;
  version_ = version_of(raised(index), position);
  effort_ = 0;
  fenced_.reset();
  if (entry.time) time_ = std::max(time_, *entry.time);
  if (entry.session.empty()) return done(entry, execute(entry));
  SessionTable::Finding earlier = sessions_.find(entry);
  switch (earlier.verdict) {
    case SessionTable::Verdict::kNew: break;
    case SessionTable::Verdict::kRepeated: return result_of(entry, std::move(earlier.answer));
    case SessionTable::Verdict::kOther: return another_request();
    case SessionTable::Verdict::kTooOld: return too_old(entry);
  }
  WriteAnswer answer = execute(entry);
  // What a logged read found, or a PATCH returns, lies in the trie, which the next entry may change: what is remembered
  // is copied.
  const bool is_read = entry.kind == EntryKind::kGet || entry.kind == EntryKind::kQuery;
  if ((is_read || entry.return_document) && sessions_.keeps(entry, answer.content.size())) {
    answer.content = copy_of(answer);
  }
  sessions_.remember(entry, earlier, answer);
  return is_awaited ? done(entry, std::move(answer)) : CommandResult();
}

Result<void> StateMachine::apply_system(LogIndex index, std::string_view log_entry) {
  applied_ = index;
  return apply_system_entry(log_entry, system_);
}

CommandResult StateMachine::done(const Entry& entry, WriteAnswer answer) const {
  CommandResult result = result_of(entry, std::move(answer));
  result.effort = effort_;
  return result;
}

/// Reads of the same part, one after another, share the copy.
Frame StateMachine::copy_of(const WriteAnswer& found) {
  const std::string_view part = found.content.bytes();
  const bool is_same =
      copied_.version == found.version && copied_.part.data() == part.data() && copied_.part.size() == part.size();
  if (!is_same) copied_ = {found.version, part, Frame(std::string(part))};
  return copied_.copy;
}

std::size_t StateMachine::size_of(std::string_view key) const {
  const auto stored = documents_.find(key);
  return stored ? stored->document.size() : 0;
}

WriteAnswer StateMachine::execute(const Entry& entry) {
  switch (entry.kind) {
    case EntryKind::kPut: return put(entry);
    case EntryKind::kDelete: return erase(entry);
    case EntryKind::kPop: return pop(entry);
    case EntryKind::kPatch: return patch(entry);
    case EntryKind::kExpire: return expire(entry);
    case EntryKind::kRemoveDue: return remove_due(entry);
    case EntryKind::kFence: return fence(entry);
    case EntryKind::kGet:
    case EntryKind::kHas:
    case EntryKind::kTtl:
    case EntryKind::kQuery: return read_logged(entry);
  }
  CHECK(false);
  return {};
}

WriteAnswer StateMachine::put(const Entry& entry) {
  if (entry.if_absent || entry.if_present || entry.if_version) {
    if (auto unmet = unmet_condition(entry, documents_.find(entry.key))) return std::move(*unmet);
  }
  on_leaving(entry.key);
  const std::uint64_t deadline = deadline_of(entry);
  deadlines_.change(entry.key, 0, deadline);
  WriteAnswer answer = yes_or_no(documents_.insert_or_assign(entry.key, {version_, deadline}, entry.content));
  answer.version = version_;
  return answer;
}

WriteAnswer StateMachine::erase(const Entry& entry) {
  if (entry.if_version) {
    if (auto unmet = unmet_condition(entry, documents_.find(entry.key))) return std::move(*unmet);
  }
  on_leaving(entry.key);
  return yes_or_no(documents_.erase(entry.key));
}

/// The document stays as it is, and so does its version.
WriteAnswer StateMachine::expire(const Entry& entry) {
  const auto stored = documents_.find(entry.key);
  if (auto unmet = unmet_condition(entry, stored)) return std::move(*unmet);
  if (!stored) return yes_or_no(false);
  WriteAnswer answer = yes_or_no(true);
  answer.version = stored->version;
  const std::uint64_t deadline = deadline_of(entry);
  deadlines_.change(entry.key, stored->deadline, deadline);
  documents_.set_deadline(entry.key, deadline);
  return answer;
}

WriteAnswer StateMachine::remove_due(const Entry& entry) {
  const std::vector<std::string> places = deadlines_.take_due(entry.time->ms, entry.seq);
  for (const std::string& place : places) {
    const std::string_view key = Deadlines::key_at(place);
    if (!indexes_.empty()) {
      if (const auto stored = documents_.find(key)) indexes_.drop(stored->version);
    }
    documents_.erase(key);
  }
  effort_ = places.size() * kRemovalEffort;
  return {};
}

/// Only raising changes the state: what is frozen is no part of it, and each replica keeps its own.
WriteAnswer StateMachine::fence(const Entry& entry) {
  const auto asked = read_fence(entry.content);
  if (!asked) return refused_with(asked.error());
  fenced_ = *asked;
  switch (asked->action) {
    case FenceAction::kBegin:
      fenced_->fence = {applied_.value, entry.time->term};
      return with_content(Frame(pack_result(Fence{fenced_->fence, raised(applied_).value})), 0);
    case FenceAction::kKeep:
    case FenceAction::kEnd: return yes_or_no(true);
    case FenceAction::kRaise: break;
  }
  if (system_.restore == asked->fence.term) return yes_or_no(false);
  if (asked->fence.index == 0) return yes_or_no(true);  // It is only asked.
  if (asked->fence.index > kRaisedIndexMax) {
    return refused_with({Code::kFailedPrecondition, "versions cannot be raised so far"});
  }
  if (asked->fence.index > raised(applied_).value) system_.raised = asked->fence.index - applied_.value;
  system_.restore = asked->fence.term;
  return yes_or_no(true);
}

/// Where nothing is changed nothing is written: the version stays.
WriteAnswer StateMachine::patch(const Entry& entry) {
  const auto stored = documents_.find(entry.key);
  if (auto unmet = unmet_condition(entry, stored)) return std::move(*unmet);
  const Dialect dialect = entry.pointer ? Dialect::kPointer : Dialect::kOwn;
  const auto operations = read_operations(entry.content, dialect);
  if (!operations) return refused_with(operations.error());
  const bool puts_values = stored && stored->document.size() >= DocumentIndexes::kDocumentSizeMin &&
                           dialect == Dialect::kOwn && puts_single_values(*operations);
  if (puts_values && indexes_.expects(stored->version)) {
    if (auto answer = patch_where_it_lies(entry, *stored, *operations)) return std::move(*answer);
  }
  Patcher patcher(
      {entry.key, stored ? std::optional(stored->document) : std::nullopt, *operations, dialect, entry.strict});
  const auto done = patcher.run();
  effort_ = walk_effort(patcher.walked());
  if (!done) return refused_with(done.error());
  std::uint64_t version = stored ? stored->version : 0;
  const std::uint64_t deadline_before = stored ? stored->deadline : 0;
  const std::uint64_t deadline = entry.ttl_ms ? deadline_of(entry) : deadline_before;
  if (patcher.is_changed()) {
    effort_ += copy_effort(patcher.document_size());
    const bool keeps_its_size = stored && stored->document.size() == patcher.document_size();
    if (stored) indexes_.drop(stored->version);
    if (puts_values && keeps_its_size) indexes_.expect(version_);
    documents_.insert_or_assign(entry.key, {version_, deadline}, patcher.document());
    version = version_;
  }
  if (deadline != deadline_before && documents_.set_deadline(entry.key, deadline)) {
    deadlines_.change(entry.key, deadline_before, deadline);
  }
  if (!entry.return_document) return with_content(Frame(patcher.results()), version);
  const auto now = documents_.find(entry.key);
  return now ? with_content(Frame(nullptr, now->document), version) : WriteAnswer();
}

/// A large document of which single values are changed again and again is not walked each time: an index tells where
/// they lie.  The same as Patcher would make of it; nothing where only Patcher can.
std::optional<WriteAnswer> StateMachine::patch_where_it_lies(const Entry& entry, const StoredDocument& stored,
                                                             const std::vector<PatchOperation>& operations) {
  Effort effort = 0;
  const auto patch = patch_in_place(stored.document, operations, [&](const Path& path) {
    return indexes_.walk(stored.version, stored.document, path, documents_.bytes(), effort);
  });
  if (!patch) return std::nullopt;
  effort_ = effort;
  const std::uint64_t deadline = entry.ttl_ms ? deadline_of(entry) : stored.deadline;
  indexes_.rename(stored.version, version_);
  if (deadline != stored.deadline) deadlines_.change(entry.key, stored.deadline, deadline);
  documents_.insert_or_assign(entry.key, {version_, deadline}, patch->document);
  if (!entry.return_document) return with_content(Frame(patch->results), version_);
  return with_content(Frame(nullptr, documents_.find(entry.key)->document), version_);
}

WriteAnswer StateMachine::pop(const Entry& entry) {
  on_leaving(entry.key);
  auto taken = documents_.take(entry.key);
  if (!taken) return refused(Code::kNotFound, 0);
  const std::uint64_t version = taken->version();
  const std::string_view document = taken->document();
  return with_content(Frame(std::move(*taken).into_owner(), document), version);
}

/// The document at `key` is about to be replaced or removed.
void StateMachine::on_leaving(std::string_view key) {
  if (indexes_.empty() && deadlines_.empty()) return;
  const auto stored = documents_.find(key);
  if (!stored) return;
  indexes_.drop(stored->version);
  deadlines_.change(key, stored->deadline, 0);
}

std::optional<std::string_view> StateMachine::part_at(const StoredDocument& stored, const Path& path,
                                                      Effort& effort) const {
  return indexes_.walk(stored.version, stored.document, path, documents_.bytes(), effort);
}

/// Says which step leads nowhere: the one behind the longest beginning of the path that leads somewhere.
CommandResult StateMachine::nothing_at(const StoredDocument& stored, const Path& path, Effort& effort) const {
  Path beginning = path;
  while (!beginning.empty()) {
    beginning.pop_back();
    if (const auto value = part_at(stored, beginning, effort)) {
      return CommandResult::failed(Code::kNotFound, to_text(DeadEnd{beginning.size(), *value}, path));
    }
  }
  return not_found(true);
}

WriteAnswer StateMachine::read_logged(const Entry& entry) const {
  const auto stored = documents_.find(entry.key);
  if (entry.kind == EntryKind::kHas) {
    WriteAnswer answer = yes_or_no(stored.has_value());
    if (stored) answer.version = stored->version;
    return answer;
  }
  if (!stored) return refused(Code::kNotFound, 0);
  if (entry.kind == EntryKind::kTtl) {
    std::string packed;
    PackedWriter writer(packed);
    const auto left = left_of(*stored, entry.time->ms);
    left ? writer.natural(*left) : writer.nil();
    return with_content(Frame(std::move(packed)), stored->version);
  }
  std::optional<std::string_view> part = stored->document;
  if (entry.kind == EntryKind::kQuery) {
    Effort effort = 0;
    const auto query = read_query(entry.content);
    part = query ? part_at(*stored, query->path, effort) : std::nullopt;
  }
  if (!part) return refused(Code::kNotFound, 0);
  return with_content(Frame(nullptr, *part), stored->version);
}

CommandResult StateMachine::read(const Read& read, std::uint64_t now, const TrieSearch* search) const {
  switch (read.command) {
    case Command::kCount: return count_records(documents_, read);
    case Command::kKeys:
    case Command::kScan: return list_records(documents_, read);
    default: break;
  }
  const auto stored = search == nullptr ? documents_.find(read.key) : found_by(*search);
  if (read.command == Command::kHas) {
    CommandResult result = CommandResult::of(stored.has_value());
    if (!stored) return result;
    result.version = stored->version;
    result.ttl_ms = left_of(*stored, now);
    return result;
  }
  if (!stored) return not_found(false);
  if (read.command == Command::kTtl) {
    const auto left = left_of(*stored, now);
    CommandResult result = left ? CommandResult::of_number(*left) : CommandResult();
    result.version = stored->version;
    return result;
  }
  if (read.command == Command::kGet) {
    CommandResult result = CommandResult::of_packed(Frame(nullptr, stored->document), stored->version);
    result.ttl_ms = left_of(*stored, now);
    return result;
  }
  CHECK(read.command == Command::kQuery);  // A test goes through all reads of the table.
  Effort effort = 0;
  const auto part = part_at(*stored, read.path, effort);
  CommandResult result =
      part ? CommandResult::of_packed(Frame(nullptr, *part), stored->version) : nothing_at(*stored, read.path, effort);
  result.effort = effort;
  return result;
}

FrozenState StateMachine::freeze() { return {documents_.freeze(), sessions_.freeze(), system_, applied_, time_}; }

}  // namespace trellis
