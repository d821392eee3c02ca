// SnapshotStore: where a worker's snapshot files lie.
//
// A snapshot is written beside its name and appears under it whole, when it is committed; whatever was begun and not
// committed is gone after a restart at the latest.  Names are made by us: letters, digits, '-', '_' and '.', the first
// one a letter or digit.  file_snapshot_store.hpp keeps them as files, the simulator in memory.
// Threading: all functions may be called from any thread, each sink and source from one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace trellis {

/// What a store may append to the name of a snapshot that is being written; no name ends with it.
constexpr std::string_view kUnfinishedSuffix = ".part";

/// A snapshot that is being written.  Destroyed without a commit, it leaves nothing behind.
class SnapshotSink {
 public:
  virtual ~SnapshotSink() = default;
  /// Appends.  Errors: kResourceExhausted (disk full), kInternal; the sink is of no use afterwards.
  virtual Result<void> write(std::string_view bytes) = 0;
  /// Waits until what was written by now is on the disk, under no name yet.  Takes long.  Another thread than the one
  /// that goes on writing may call it, and then commit() as well.  Errors: as of write().
  virtual Result<void> sync() = 0;
  /// Makes all that was written durable under its name, in the place of an earlier one of that name.
  virtual Result<void> commit() = 0;
};

/// A snapshot that is read.  It stays readable, as it was when it was opened, when it is removed or replaced.
class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;
  /// Bytes.
  virtual std::uint64_t size() const = 0;
  /// The bytes [offset, offset + count), or as many as there are.  Error: kInternal.
  virtual Result<std::string> read(std::uint64_t offset, std::size_t count) const = 0;
};

/// Whoever writes much has it synced in steps of so many bytes: the disk is not to be kept from the log's syncs by one
/// long one at the end.
constexpr std::uint64_t kSnapshotSyncEvery = 8 << 20;

class SnapshotStore {
 public:
  virtual ~SnapshotStore() = default;
  virtual Result<std::unique_ptr<SnapshotSink>> create(const std::string& name) = 0;
  /// Errors: kNotFound, kInternal.
  virtual Result<std::unique_ptr<SnapshotSource>> open(const std::string& name) const = 0;
  /// Removes it where it is there; whoever has it open can go on reading.
  virtual Result<void> remove(const std::string& name) = 0;
  /// How many bytes a snapshot may have; where nobody knows, as many as it likes.
  virtual std::uint64_t room() const { return UINT64_MAX; }
  /// The names of all that is committed, ascending.
  virtual Result<std::vector<std::string>> list() const = 0;
};

/// Whether `name` is one that a snapshot may have; a name from outside must be asked.
bool is_snapshot_name(std::string_view name);

}  // namespace trellis
