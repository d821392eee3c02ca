// Patcher: carries out the operations of a PATCH on one document, all of them or none.
//
// What each operation does is the table of docs/protocol.md, "Changes in place", and with Dialect::kPointer RFC 6902,
// section 4.
// Deterministic: what it makes of a document depends on document and operations alone.
// Invariant: after each operation the document has at most kDocumentSizeMax bytes and kNestingMax levels.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/packed.hpp"
#include "protocol/patch/draft.hpp"
#include "protocol/patch/operation.hpp"
#include "protocol/patch/walk_limit.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// Views stay: key, document and operations must outlive the patcher.
struct PatchTask {
  std::string_view key;  ///< For messages.
  std::optional<std::string_view> document;
  const std::vector<PatchOperation>& operations;
  Dialect dialect = Dialect::kOwn;
  bool strict = false;
};

class Patcher {
 public:
  explicit Patcher(const PatchTask& task);

  /// To be called once.  Error: kFailedPrecondition; the message names the operation, its path and what is there, and
  /// nothing is to be taken from the patcher then.
  Result<void> run();

  /// Whether there is another document now than before.
  bool is_changed() const { return draft_.is_changed(); }
  /// Whether there is a document.
  bool has_document() { return draft_.root() != nullptr; }
  /// The document in pieces that follow each other, some of them slices of the one before.
  std::vector<std::string_view> document() { return draft_.parts(); }
  std::uint64_t document_size() const { return draft_.size(); }
  /// A packed array: the result of each operation.
  const std::string& results() const { return results_; }
  /// Bytes that were walked and copied.
  std::uint64_t walked() const { return walk_.walked(); }

 private:
  /// Where a path leads.
  struct Spot {
    const Path* path = nullptr;
    Draft::Container* in = nullptr;     ///< Nothing: the whole document, or what was not reached.
    const PathSegment* step = nullptr;  ///< In it.
    Draft::Value* value = nullptr;      ///< Nothing where nothing is there.
    /// Steps of the path that lead somewhere, where something is missing on the way.
    std::optional<std::size_t> ends_at;
  };

  Result<void> run_one(const PatchOperation& operation);
  Result<void> set(const PatchOperation& operation);
  Result<void> replace(const PatchOperation& operation);
  Result<void> increment(const PatchOperation& operation);
  Result<void> append(const PatchOperation& operation);
  Result<void> insert(const PatchOperation& operation);
  Result<void> remove(const PatchOperation& operation);
  Result<void> pop(const PatchOperation& operation);
  Result<void> copy(const PatchOperation& operation);
  Result<void> move(const PatchOperation& operation);
  Result<void> merge(const PatchOperation& operation);
  Result<void> test(const PatchOperation& operation);
  Result<void> add(const PatchOperation& operation);

  Result<Spot> locate(const Path& path, bool makes_way);
  Result<Spot> locate_there(const Path& path);
  Result<Spot> locate_to_change(const Path& path);
  Result<Spot> locate_to_take(const Path& path);
  Draft::Value* find(Draft::Container& in, const PathSegment& step);
  std::optional<std::uint64_t> position_in(const Draft::Container& list, const PathSegment& step) const;
  std::string_view name_of_step(const PathSegment& step);

  Result<void> put(const Spot& spot, Draft::Value value);
  Result<void> insert_at(const Spot& spot, Draft::Value value);
  Result<void> put_at(const Path& path, Draft::Value value);
  Draft::Value take(const Spot& spot);
  Result<void> merge_into(Draft::Value& target, std::string_view patch, std::size_t depth);
  Result<void> check_depth(std::size_t depth, const Draft::Value& value);

  std::string where(const Path& path, std::size_t steps) const;
  Error nothing_at(const Path& path, std::size_t steps) const;

  bool makes_way() const { return !task_.strict && task_.dialect == Dialect::kOwn; }

  PatchTask task_;
  WalkLimit walk_;
  Places places_;
  Draft draft_;
  std::string results_;
  PackedWriter result_;
};

}  // namespace trellis
