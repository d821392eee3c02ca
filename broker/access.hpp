// Access: which users there are, as the cluster's workers tell, and what the one who asks may do.
//
// A frontend without keys knows nobody, and whoever reaches it may do everything.  With keys each message comes with
// the number of the user whose key its connection showed (Asker); whom that is no more is refused, and so is whom the
// records do not know yet.  A user with the right to speak for others may say for whom it asks (the option `as`); then
// it is the other one's rights that count.
//
// Records come from workers of the adopted cluster alone, and are replaced by later versions, never given back.
// Threading: none.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>

#include "broker/options.hpp"
#include "broker/types.hpp"
#include "protocol/access/access_records.hpp"
#include "protocol/access/permissions.hpp"
#include "protocol/types.hpp"

namespace trellis {

class Access {
 public:
  /// Newer records are asked for so often.
  static constexpr Duration kAskEvery = std::chrono::milliseconds(100);

  explicit Access(BrokerOutput& output, OmittedBrokerRules omitted = {}) : output_(output), omitted_(omitted) {}

  /// Null: none are known yet.
  const std::shared_ptr<const AccessRecords>& records() const { return records_; }

  /// A worker of the cluster holds this version: whether it is to be asked for its records now.
  bool on_news(std::uint64_t version, TimePoint now);
  /// Error: kInvalidArgument, for bytes that hold none.
  Result<void> on_offer(std::string_view packed);

  /// Whether whoever shows this key (kPublicKeySize bytes) is let in at the frontend.
  Admission admit(std::string_view public_key) const;

  /// What whoever asks may do; null: everything.  Errors: kUnauthenticated and kPermissionDenied.
  Result<std::shared_ptr<const Permissions>> permissions_of(const Asker& asker, const Options& options);
  /// The name of whoever asks, for people.
  std::string name_of(const Asker& asker) const;

 private:
  using Pointer = std::shared_ptr<const Permissions>;
  Pointer permissions_of(const User& user);
  Result<Pointer> spoken_for(const Options& options);

  BrokerOutput& output_;
  OmittedBrokerRules omitted_;
  std::shared_ptr<const AccessRecords> records_;
  std::unordered_map<std::uint64_t, Pointer> permissions_;  ///< By the numbers of users who have asked.
  std::optional<TimePoint> asked_at_;
};

}  // namespace trellis
