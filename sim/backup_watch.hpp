// BackupWatch: whether backups are of one moment of the whole cluster.
//
// One after the other, it writes pairs of keys, the second once the first was acknowledged, and meanwhile makes one
// backup after the other, as `trellis backup` does: a cut (client/backup/cut_attempt), and then what each partition
// froze, page by page, from whichever replica has it.  A backup that holds a second key holds the first one; it holds
// what was acknowledged before its cut was begun, and nothing that was asked for after its cut was made.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/backup/cut_attempt.hpp"
#include "client/call_table.hpp"
#include "protocol/types.hpp"

namespace trellis::sim {

class Cluster;

class BackupWatch {
 public:
  explicit BackupWatch(Cluster& cluster) : cluster_(cluster) {}

  /// Backups and pairs are made from now on, one after the other.
  void begin();
  /// Nothing further is begun.
  void finish() { is_finishing_ = true; }

 private:
  /// When a key was asked to be written, and when that was acknowledged.
  struct Write {
    TimePoint called;
    std::optional<TimePoint> acknowledged;
  };
  struct Backup {
    explicit Backup(std::set<std::uint32_t> partitions) : attempt(std::move(partitions)) {}
    CutAttempt attempt;
    TimePoint begun;
    TimePoint made;
    std::set<std::string> keys;
    std::set<std::uint32_t> left;  ///< Partitions that have not been read to their end.
    std::uint64_t refusals = 0;
  };
  using BackupPointer = std::shared_ptr<Backup>;

  void write_pair();
  void write(const std::string& key, const std::string& then);
  void begin_backup();
  void ask(const BackupPointer& backup, const std::vector<CutAsk>& asks);
  void on_cut_over(const BackupPointer& backup);
  void read(const BackupPointer& backup, std::uint32_t partition, const std::optional<std::string>& after);
  void on_page(const BackupPointer& backup, std::uint32_t partition, std::optional<std::string> after,
               const Reply& reply);
  void check(const Backup& backup);
  void end(const BackupPointer& backup);

  Cluster& cluster_;
  std::uint64_t next_pair_ = 1;
  std::map<std::string, Write> writes_;
  BackupPointer current_;
  bool is_finishing_ = false;
};

}  // namespace trellis::sim
