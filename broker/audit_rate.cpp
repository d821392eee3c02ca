#include "broker/audit_rate.hpp"

namespace trellis {

std::vector<AuditRate::LeftOut> AuditRate::take_left_out(TimePoint now) {
  std::vector<LeftOut> left_out;
  if (refusals_.empty() || now < ends_) return left_out;
  for (const auto& [user, count] : refusals_) {
    if (count > kPerUserMax) left_out.push_back({user, count - kPerUserMax});
  }
  refusals_.clear();
  return left_out;
}

bool AuditRate::on_refusal(std::string_view user, TimePoint now) {
  if (refusals_.empty()) ends_ = now + kWindow;
  auto at = refusals_.find(user);
  if (at == refusals_.end()) at = refusals_.emplace(user, 0).first;
  return ++at->second <= kPerUserMax;
}

}  // namespace trellis
