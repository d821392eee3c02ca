// StateMachine: the replicated state of one partition: its documents, its sessions, and what the cluster keeps in it.
//
// Deterministic: every replica that applied the same entries, or restored a snapshot and applied the rest, holds the
// same state and gave the same results.  So apply reads no clock, option or random number; what is needed travels
// inside the entry (Ongaro, "Consensus: Bridging Theory and Practice", 6.3).
// Threading: belongs to one thread at a time; a FrozenState may be read and dropped by any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/fence.hpp"
#include "protocol/types.hpp"
#include "worker/state/command_result.hpp"
#include "worker/state/deadlines.hpp"
#include "worker/state/document_indexes.hpp"
#include "worker/state/entry.hpp"
#include "worker/state/group_time.hpp"
#include "worker/state/read.hpp"
#include "worker/state/session_table.hpp"
#include "worker/state/system_records.hpp"
#include "worker/trie/trie.hpp"

namespace trellis {

/// The state at one moment: what a snapshot is written from.
struct FrozenState {
  FrozenTrie documents;
  FrozenSessions sessions;
  SystemRecords system;
  LogIndex applied;              ///< The last entry in it.
  GroupTime time;                ///< The newest that stood in an entry.
  bool omits_deadlines = false;  ///< For the simulator, see OmittedRules.
};

class StateMachine {
 public:
  explicit StateMachine(SessionLimits limits = {}) : sessions_(limits) {}
  /// As restored from a snapshot.
  StateMachine(Trie documents, Deadlines deadlines, SessionTable sessions, SystemRecords system, LogIndex applied,
               GroupTime time)
      : documents_(std::move(documents)),
        deadlines_(std::move(deadlines)),
        sessions_(std::move(sessions)),
        system_(std::move(system)),
        applied_(applied),
        time_(time) {}

  /// Applies a command of the committed log entry at `index`.  Index and position are greater than those of any before.
  /// A document in the result may lie in the trie: pack it, or copy it, before the next entry is applied.
  /// @param is_awaited  whether anybody is told the result; if not, it says nothing
  CommandResult apply(LogIndex index, std::uint32_t position, const Entry& entry, bool is_awaited = true);

  /// Applies a system entry of the log.  Error: it is broken, or of a level that this software does not know.
  Result<void> apply_system(LogIndex index, std::string_view log_entry);

  /// Answers a read from what has been applied.  A document in the result lies in the trie: pack it, or copy it,
  /// before the next entry is applied.
  /// @param now  the group's time in milliseconds, as far as it is known here
  /// @param search  for its key, and at its end; null: the key is yet to be looked for
  CommandResult read(const Read& read, std::uint64_t now = 0, const TrieSearch* search = nullptr) const;

  /// The index of the last entry applied.
  LogIndex applied() const { return applied_; }
  /// Number of documents.
  std::size_t keys() const { return documents_.size(); }
  /// Bytes of all keys and documents.
  std::size_t bytes() const { return documents_.bytes(); }
  /// Bytes of memory that documents take, with their deadlines and the indexes of large ones; and sessions.
  std::size_t documents_memory() const { return documents_.memory() + deadlines_.memory() + indexes_.bytes(); }
  std::size_t sessions_memory() const { return sessions_.memory(); }
  /// Bytes of the document at `key`; 0: there is none.
  std::size_t size_of(std::string_view key) const;
  /// Number of writes whose answers are remembered.
  std::size_t remembered_writes() const { return sessions_.size(); }

  /// The newest time that stood in an entry.
  const GroupTime& time() const { return time_; }
  const Deadlines& deadlines() const { return deadlines_; }

  const TrieView& documents() const { return documents_; }
  const SessionTable& sessions() const { return sessions_; }
  const SystemRecords& system() const { return system_; }

  /// Keys the hashes of the documents' indexes.  To be called before anything is read.
  void set_secret(std::uint64_t secret) { indexes_ = DocumentIndexes(secret); }
  const DocumentIndexes& indexes() const { return indexes_; }

  /// The state now, in constant time.
  FrozenState freeze();
  /// Its documents alone.
  FrozenTrie freeze_documents() { return documents_.freeze(); }

  /// What the command that was applied last did as a fence; nothing where it was none, or was repeated.
  const std::optional<FenceArguments>& fenced() const { return fenced_; }
  /// What a version stands for that is written at this log index.
  LogIndex raised(LogIndex index) const { return {index.value + system_.raised}; }

 private:
  WriteAnswer execute(const Entry& entry);
  CommandResult done(const Entry& entry, WriteAnswer answer) const;
  WriteAnswer put(const Entry& entry);
  WriteAnswer patch(const Entry& entry);
  std::optional<WriteAnswer> patch_where_it_lies(const Entry& entry, const StoredDocument& stored,
                                                 const std::vector<PatchOperation>& operations);
  WriteAnswer erase(const Entry& entry);
  WriteAnswer pop(const Entry& entry);
  WriteAnswer expire(const Entry& entry);
  WriteAnswer remove_due(const Entry& entry);
  WriteAnswer fence(const Entry& entry);
  WriteAnswer read_logged(const Entry& entry) const;
  std::optional<std::string_view> part_at(const StoredDocument& stored, const Path& path, Effort& effort) const;
  CommandResult nothing_at(const StoredDocument& stored, const Path& path, Effort& effort) const;
  void on_leaving(std::string_view key);
  Frame copy_of(const WriteAnswer& found);

  Trie documents_;
  Deadlines deadlines_;
  mutable DocumentIndexes indexes_;  ///< A read may add one.
  SessionTable sessions_;
  SystemRecords system_;
  LogIndex applied_;
  GroupTime time_;
  /// The last part of a document that a logged read had copied.
  struct Copied {
    std::uint64_t version = 0;
    std::string_view part;  ///< Compared only: it may be gone.
    Frame copy;
  } copied_;
  std::uint64_t version_ = 0;  ///< What the command that is being applied writes gets this one.
  std::optional<FenceArguments> fenced_;
  Effort effort_ = 0;  ///< What that took, beside kItemEffort; no part of the state.
};

}  // namespace trellis
