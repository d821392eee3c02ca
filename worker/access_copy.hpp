// AccessCopy: the newest users and roles that this worker knows, whether it holds a replica of partition 0 or not.
//
// Partition 0's replicas take what they have applied; its leader tells all members of the version, once a second and
// at once where it is new, and whoever holds an older one asks for it.  Only what was committed is ever copied, and
// versions are given once, so a higher one is a later one.  It lies in memory alone: a worker that starts is told.
// Loop thread only; pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "protocol/access/access_records.hpp"
#include "protocol/types.hpp"

namespace trellis {

class AccessCopy {
 public:
  /// The leader of partition 0 tells of its version so often.
  static constexpr std::chrono::milliseconds kTellEvery{1'000};

  /// Null: none is known.
  const std::shared_ptr<const AccessRecords>& records() const { return records_; }
  std::uint64_t version() const { return records_ == nullptr ? 0 : records_->version; }

  /// What a replica of partition 0 has applied; null: nothing yet.
  void on_applied(const std::shared_ptr<const AccessRecords>& applied) {
    if (applied != nullptr && applied->version > version()) records_ = applied;
  }
  /// Whether the one that tells this holds newer ones.
  bool is_news(std::uint64_t told) const { return told > version(); }
  /// Error: kInvalidArgument, for bytes that hold none.
  Result<void> on_records(std::string_view packed) {
    auto read = read_access_records(packed);
    if (!read) return read.error();
    on_applied(std::make_shared<const AccessRecords>(std::move(*read)));
    return {};
  }
  /// As the leader of partition 0: whether all members are to be told now.
  bool is_to_be_told(TimePoint now) {
    if (records_ == nullptr || (told_ == version() && now < tell_due_)) return false;
    told_ = version();
    tell_due_ = now + kTellEvery;
    return true;
  }

 private:
  std::shared_ptr<const AccessRecords> records_;
  std::uint64_t told_ = 0;
  TimePoint tell_due_;
};

}  // namespace trellis
