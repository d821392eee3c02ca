#include "worker/snapshot/snapshot_file.hpp"

#include <xxhash.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "protocol/check.hpp"
#include "protocol/cluster/bundle.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

constexpr std::string_view kMagic = "TRLSNAP\x04";  ///< The last byte is the format version.
constexpr char kVersion = 4;
constexpr char kVersionWithoutTimes = 3;
static_assert(kMagic.back() == kVersion);

enum class BlockKind : std::uint8_t { kHead = 1, kSessions = 2, kWrites = 3, kDocuments = 4, kEnd = 5 };

constexpr std::size_t kBlockHeadSize = 13;
constexpr std::size_t kBlockSizeAim = 1 << 20;  ///< A block is closed once it holds that much.
/// What the last record may add: a document with its key and numbers is the largest there is.
constexpr std::size_t kBlockSizeMax = kBlockSizeAim + kDocumentSizeMax + kKeySizeMax + 64;

/// The head of what is kept of the sessions of one kind.
struct BookHead {
  std::uint64_t first_write = 0;
  std::uint64_t writes = 0;
  std::uint64_t sessions = 0;
};

struct Head {
  PartitionId partition;
  LogIndex index;
  Term term;
  std::uint64_t documents = 0;
  std::uint64_t document_bytes = 0;
  BookHead brokers;
  BookHead clients;
  SystemRecords system;
  GroupTime time;
};

/// `position`: where the block begins in the file.
std::uint64_t checksum_of(BlockKind kind, std::uint64_t position, std::string_view payload) {
  const std::uint64_t place[2] = {position, std::uint64_t{payload.size()} << 8 | static_cast<std::uint8_t>(kind)};
  return XXH3_64bits_withSeed(payload.data(), payload.size(), XXH3_64bits(place, sizeof place));
}

/// XXH3-64 of bytes that come piece by piece.
class RunningChecksum {
 public:
  RunningChecksum() : state_(XXH3_createState()) { XXH3_64bits_reset(state_.get()); }
  void add(std::string_view bytes) { XXH3_64bits_update(state_.get(), bytes.data(), bytes.size()); }
  std::uint64_t value() const { return XXH3_64bits_digest(state_.get()); }

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> state_;
};

/// Gathers records into blocks.  After the first error of the sink nothing more is written; finish() returns it.
class BlockWriter {
 public:
  explicit BlockWriter(SnapshotSink& sink) : sink_(sink) { put(kMagic); }

  /// For one record of that kind.
  FieldWriter record(BlockKind kind) {
    if (kind != kind_ || payload_.size() >= kBlockSizeAim) flush();
    kind_ = kind;
    return FieldWriter(payload_);
  }
  Result<void> finish() {
    record(BlockKind::kEnd);
    flush();
    return std::move(state_);
  }
  bool failed() const { return !state_; }
  std::uint64_t size() const { return size_; }
  std::uint64_t checksum() const { return checksum_.value(); }

 private:
  void flush() {
    if (payload_.empty() && kind_ != BlockKind::kEnd) return;
    std::string head;
    FieldWriter(head)
        .u8(static_cast<std::uint8_t>(kind_))
        .u32(static_cast<std::uint32_t>(payload_.size()))
        .u64(checksum_of(kind_, size_, payload_));
    put(head);
    put(payload_);
    payload_.clear();
  }
  void put(std::string_view bytes) {
    if (!state_) return;
    checksum_.add(bytes);
    size_ += bytes.size();
    state_ = sink_.write(bytes);
    unsynced_ += bytes.size();
    if (!state_ || unsynced_ < kSnapshotSyncEvery) return;
    state_ = sink_.sync();
    unsynced_ = 0;
  }

  SnapshotSink& sink_;
  Result<void> state_;
  BlockKind kind_ = BlockKind::kHead;
  std::string payload_;
  std::uint64_t size_ = 0;
  std::uint64_t unsynced_ = 0;  ///< Bytes.
  RunningChecksum checksum_;
};

void write_head(FieldWriter fields, const Head& head) {
  fields.u32(head.partition.value).u64(head.index.value).u64(head.term.value).u64(head.documents);
  fields.u64(head.document_bytes);
  for (const BookHead& book : {head.brokers, head.clients}) {
    fields.u64(book.first_write).u64(book.writes).u64(book.sessions);
  }
  fields.bytes(pack(head.system));
  fields.u64(head.time.term).u64(head.time.ms);
}

BookHead head_of(const FrozenBook& book) { return {book.writes.first(), book.writes.size(), book.floors.size()}; }

void write_session(FieldWriter fields, Owner owner, const SessionFloor& session) {
  fields.u8(static_cast<std::uint8_t>(owner)).bytes(session.name).u64(session.floor);
  fields.u8(session.forgotten ? 1 : 0).u64(session.forgotten.value_or(0));
}

void write_write(FieldWriter fields, Owner owner, const RememberedWrite& write) {
  fields.u8(static_cast<std::uint8_t>(owner)).u8(static_cast<std::uint8_t>(write.answer.code));
  fields.u8(static_cast<std::uint8_t>(write.answer.kind)).u16(write.name.item).u64(write.name.seq);
  fields.u64(write.fingerprint).u64(write.answer.version);
  fields.bytes(write.name.session).bytes(write.answer.content.bytes());
}

void write_sessions(BlockWriter& blocks, const FrozenSessions& sessions) {
  const std::pair<Owner, const FrozenBook&> books[] = {{Owner::kBroker, sessions.brokers},
                                                       {Owner::kClient, sessions.clients}};
  for (const auto& [owner, book] : books) {
    for (const SessionFloor& session : book.floors.in_order()) {
      write_session(blocks.record(BlockKind::kSessions), owner, session);
    }
  }
  for (const auto& [owner, book] : books) {
    book.writes.for_each([&blocks, owner = owner](const RememberedWrite& write) {
      write_write(blocks.record(BlockKind::kWrites), owner, write);
    });
  }
}

/// Reads a snapshot front to back, and checks all that does not depend on what was read before.
class BlockReader {
 public:
  struct Block {
    BlockKind kind;
    std::uint64_t position;
    std::string payload;
  };

  explicit BlockReader(const SnapshotSource& source) : source_(source) {}

  /// Returns the format version.
  Result<char> read_magic();
  Result<Block> next();
  bool at_end() const { return position_ == source_.size(); }
  std::uint64_t checksum() const { return checksum_.value(); }

 private:
  Result<std::string> take(std::size_t count);

  const SnapshotSource& source_;
  std::uint64_t position_ = 0;
  RunningChecksum checksum_;
};

Error broken(std::uint64_t position, const std::string& what) {
  return invalid_argument("snapshot: " + what + " at byte " + std::to_string(position));
}

Result<std::string> BlockReader::take(std::size_t count) {
  if (source_.size() - position_ < count) return broken(position_, "the file is cut off");
  auto bytes = source_.read(position_, count);
  if (!bytes) return bytes.error();
  if (bytes->size() != count) return broken(position_, "the file is cut off");
  position_ += count;
  checksum_.add(*bytes);
  return bytes;
}

Result<char> BlockReader::read_magic() {
  const auto magic = take(kMagic.size());
  if (!magic) return magic.error();
  if (magic->substr(0, kMagic.size() - 1) != kMagic.substr(0, kMagic.size() - 1)) return broken(0, "no snapshot");
  const char version = magic->back();
  if (version != kVersion && version != kVersionWithoutTimes) {
    return broken(kMagic.size() - 1, "format version " + std::to_string(static_cast<unsigned char>(version)) +
                                         ", this software reads versions 3 and 4 (use the software that wrote it, or "
                                         "begin with an empty folder),");
  }
  return version;
}

Result<BlockReader::Block> BlockReader::next() {
  const std::uint64_t position = position_;
  const auto head = take(kBlockHeadSize);
  if (!head) return head.error();
  FieldReader fields(*head);
  const std::uint8_t kind = fields.u8();
  const std::uint32_t size = fields.u32();
  const std::uint64_t checksum = fields.u64();
  if (kind < static_cast<std::uint8_t>(BlockKind::kHead) || kind > static_cast<std::uint8_t>(BlockKind::kEnd)) {
    return broken(position, "an unknown kind of block");
  }
  if (size > kBlockSizeMax) return broken(position, "a block that is too large");
  auto payload = take(size);
  if (!payload) return payload.error();
  if (checksum_of(static_cast<BlockKind>(kind), position, *payload) != checksum) {
    return broken(position, "the checksum of a block is wrong");
  }
  return Block{static_cast<BlockKind>(kind), position, std::move(*payload)};
}

/// Builds the state, block by block.
class Loader {
 public:
  Loader(const SnapshotDescriptor& descriptor, SessionLimits limits, char version)
      : descriptor_(descriptor), limits_(limits), has_times_(version >= kVersion) {}

  Result<void> add(const BlockReader::Block& block);
  bool ended() const { return last_kind_ == BlockKind::kEnd; }
  StateMachine finish() && {
    return {std::move(documents_),   std::move(deadlines_), std::move(*sessions_),
            std::move(head_.system), descriptor_.index,     head_.time};
  }

 private:
  Result<void> add_head(FieldReader& fields);
  Result<void> add_session(FieldReader& fields);
  Result<void> add_write(FieldReader& fields);
  Result<void> add_document(FieldReader& fields);
  Result<void> end();
  Result<void> add_record(BlockKind kind, FieldReader& fields);

  const SnapshotDescriptor& descriptor_;
  SessionLimits limits_;
  bool has_times_;
  BlockKind last_kind_{};
  Head head_;
  std::optional<SessionTable> sessions_;  ///< Once the head was read.
  Trie documents_;
  Deadlines deadlines_;
  std::string last_key_;
};

Result<void> Loader::add(const BlockReader::Block& block) {
  const bool first = last_kind_ == BlockKind{};
  const bool repeats = block.kind == last_kind_ && block.kind != BlockKind::kHead && block.kind != BlockKind::kEnd;
  if (first != (block.kind == BlockKind::kHead) || !(first || repeats || block.kind > last_kind_)) {
    return broken(block.position, "a block out of order");
  }
  last_kind_ = block.kind;
  FieldReader fields(block.payload);
  while (!fields.at_end()) {
    auto added = add_record(block.kind, fields);
    if (!fields.ok()) return broken(block.position, "a record that is cut off, in the block");
    if (!added) return broken(block.position, added.error().message + ", in the block");
  }
  if (block.kind != BlockKind::kEnd) return {};
  auto ended = end();
  return ended ? ended : broken(block.position, ended.error().message);
}

Result<void> Loader::add_record(BlockKind kind, FieldReader& fields) {
  switch (kind) {
    case BlockKind::kHead: return add_head(fields);
    case BlockKind::kSessions: return add_session(fields);
    case BlockKind::kWrites: return add_write(fields);
    case BlockKind::kDocuments: return add_document(fields);
    case BlockKind::kEnd: break;
  }
  return invalid_argument("bytes after the end");
}

Result<void> Loader::add_head(FieldReader& fields) {
  head_.partition.value = fields.u32();
  head_.index.value = fields.u64();
  head_.term.value = fields.u64();
  head_.documents = fields.u64();
  head_.document_bytes = fields.u64();
  for (BookHead* book : {&head_.brokers, &head_.clients}) {
    book->first_write = fields.u64();
    book->writes = fields.u64();
    book->sessions = fields.u64();
    // So that they can be counted on from there.
    if (book->first_write > UINT64_MAX / 2) return invalid_argument("a number of a write that cannot be");
  }
  auto system = read_system_records(fields.bytes());
  if (!system) return system.error();
  head_.system = std::move(*system);
  if (has_times_) head_.time = {fields.u64(), fields.u64()};
  if (!fields.at_end()) return invalid_argument("a head of another size");
  if (head_.time.ms > kGroupTimeMax) return invalid_argument("a time that cannot be");
  if (head_.partition != descriptor_.partition || head_.index != descriptor_.index || head_.term != descriptor_.term) {
    return invalid_argument("it is the snapshot of partition " + std::to_string(head_.partition.value) + ", index " +
                            std::to_string(head_.index.value) + ", term " + std::to_string(head_.term.value) +
                            " and not the one that was asked for");
  }
  sessions_.emplace(limits_, SessionTable::Beginning{head_.brokers.first_write, head_.clients.first_write});
  return {};
}

Result<void> Loader::add_session(FieldReader& fields) {
  const std::uint8_t owner = fields.u8();
  SessionFloor session;
  session.name = fields.bytes();
  session.floor = fields.u64();
  const std::uint8_t has_forgotten = fields.u8();
  const std::uint64_t forgotten = fields.u64();
  if (!fields.ok()) return {};
  if (owner > static_cast<std::uint8_t>(Owner::kClient) || has_forgotten > 1) {
    return invalid_argument("a session that cannot be");
  }
  if (has_forgotten == 1) session.forgotten = forgotten;
  return sessions_->book_of(static_cast<Owner>(owner)).restore(session);
}

Result<void> Loader::add_write(FieldReader& fields) {
  RememberedWrite write;
  const std::uint8_t owner = fields.u8();
  const std::uint8_t code = fields.u8();
  const std::uint8_t kind = fields.u8();
  write.name.item = fields.u16();
  write.name.seq = fields.u64();
  write.fingerprint = fields.u64();
  write.answer.version = fields.u64();
  write.name.session = fields.bytes();
  const std::string_view content = fields.bytes();
  if (!fields.ok()) return {};
  if (owner > static_cast<std::uint8_t>(Owner::kClient) || code > static_cast<std::uint8_t>(Code::kInternal) ||
      kind > static_cast<std::uint8_t>(AnswerKind::kDropped)) {
    return invalid_argument("a write that cannot be");
  }
  write.answer.code = static_cast<Code>(code);
  write.answer.kind = static_cast<AnswerKind>(kind);
  if (content.empty() == (write.answer.kind == AnswerKind::kContent)) {
    return invalid_argument("an answer with content that does not belong to it");
  }
  if (!content.empty()) write.answer.content = Frame(std::string(content));
  return sessions_->book_of(static_cast<Owner>(owner)).restore(write);
}

Result<void> Loader::add_document(FieldReader& fields) {
  const std::uint64_t version = fields.u64();
  const std::string_view key = fields.bytes();
  const std::string_view document = fields.bytes();
  const std::uint8_t expires = has_times_ ? fields.u8() : 0;
  const std::uint64_t deadline = expires == 1 ? fields.u64() : 0;
  if (!fields.ok()) return {};
  if (expires > 1 || (expires == 1) != (deadline != 0) || deadline > kDeadlineMax) {
    return invalid_argument("a deadline that cannot be");
  }
  if (key.empty() || key.size() > kKeySizeMax) return invalid_argument("a key that is empty or too long");
  if (document.empty() || document.size() > kDocumentSizeMax) return invalid_argument("a document of impossible size");
  if (version == 0 || version > version_of({head_.index.value + head_.system.raised}, kCommandsPerEntryMax - 1))
    return invalid_argument("a version from beyond the snapshot");
  if (key <= last_key_) return invalid_argument("keys out of order");
  last_key_ = key;
  documents_.insert_or_assign(key, {version, deadline}, document);
  deadlines_.change(key, 0, deadline);
  return {};
}

Result<void> Loader::end() {
  const auto is_whole = [](const SessionBook& book, const BookHead& head) {
    return book.writes().size() == head.writes && book.floors().size() == head.sessions;
  };
  if (!is_whole(sessions_->brokers(), head_.brokers) || !is_whole(sessions_->clients(), head_.clients)) {
    return invalid_argument("other sessions or writes than the head says");
  }
  if (documents_.size() != head_.documents || documents_.bytes() != head_.document_bytes) {
    return invalid_argument("other documents than the head says");
  }
  return {};
}

}  // namespace

Result<SnapshotDescriptor> write_snapshot(const FrozenState& state, PartitionId partition, LogIndex index, Term term,
                                          const std::string& name, SnapshotStore& store) {
  CHECK(state.applied <= index);
  auto sink = store.create(name);
  if (!sink) return sink.error();
  BlockWriter blocks(**sink);
  write_head(blocks.record(BlockKind::kHead),
             {partition, index, term, state.documents.size(), state.documents.bytes(), head_of(state.sessions.brokers),
              head_of(state.sessions.clients), state.system, state.time});
  write_sessions(blocks, state.sessions);
  TrieCursor cursor = state.documents.cursor();
  for (cursor.seek_first(); cursor.valid() && !blocks.failed(); cursor.next()) {
    FieldWriter fields = blocks.record(BlockKind::kDocuments);
    fields.u64(cursor.version()).bytes(cursor.key()).bytes(cursor.document());
    const std::uint64_t deadline = state.omits_deadlines ? 0 : cursor.deadline();
    fields.u8(deadline != 0 ? 1 : 0);
    if (deadline != 0) fields.u64(deadline);
  }
  if (auto written = blocks.finish(); !written) return written.error();
  if (auto committed = (*sink)->commit(); !committed) return committed.error();
  return SnapshotDescriptor{name, partition, index, term, blocks.size(), blocks.checksum()};
}

Result<StateMachine> read_snapshot(const SnapshotDescriptor& descriptor, const SnapshotStore& store,
                                   SessionLimits limits) {
  const auto source = store.open(descriptor.name);
  if (!source) return source.error();
  if ((*source)->size() != descriptor.size) {
    return invalid_argument("snapshot: the file has " + std::to_string((*source)->size()) + " bytes, not " +
                            std::to_string(descriptor.size));
  }
  BlockReader reader(**source);
  const auto version = reader.read_magic();
  if (!version) return version.error();
  Loader loader(descriptor, limits, *version);
  while (!loader.ended()) {
    const auto block = reader.next();
    if (!block) return block.error();
    if (auto added = loader.add(*block); !added) return added.error();
  }
  if (!reader.at_end()) return invalid_argument("snapshot: bytes after its end");
  if (reader.checksum() != descriptor.checksum) {
    return invalid_argument("snapshot: the file is whole, but not the one that was asked for (checksum)");
  }
  return std::move(loader).finish();
}

}  // namespace trellis
