#include "gateway/preconditions.hpp"

#include "gateway/answer.hpp"
#include "protocol/packed.hpp"

namespace trellis {

std::string version_arguments(const Plan& plan) {
  std::string arguments;
  PackedWriter(arguments).array(1).key(plan.key);
  return arguments;
}

std::optional<HttpResponse> check_version(Plan& plan, const Reply& has) {
  if (has.status != Code::kOk) return answer(plan, has);
  const bool is_there = PackedReader(has.result).read_bool().value_or(false) && has.info.version;
  plan.if_version.reset();
  plan.if_absent = false;
  if (!is_there) {
    // Conditions count only where the answer without them would be a success (RFC 9110, 13.2.1).
    if (plan.route->command == Command::kDelete) return problem(404, Code::kNotFound, "there is no such key");
    if (plan.if_match) return problem(412, Code::kFailedPrecondition, "there is no such key, and so no version of it");
    plan.if_absent = true;
    return std::nullopt;
  }
  const std::uint64_t version = *has.info.version;
  const bool matches = !plan.if_match || plan.if_match->holds(version);
  if (!matches || (plan.if_none_match && plan.if_none_match->holds(version))) {
    return problem(412, Code::kFailedPrecondition, "the document has version " + std::to_string(version));
  }
  plan.if_version = version;
  return std::nullopt;
}

bool was_overtaken(const Plan& plan, const Reply& written) {
  return (plan.if_version && written.status == Code::kFailedPrecondition) ||
         (plan.if_absent && written.status == Code::kAlreadyExists);
}

HttpResponse given_up_on() {
  return problem(503, Code::kUnavailable,
                 "others write this key again and again, and each time between its version was read and written upon; "
                 "nothing was done, try again");
}

}  // namespace trellis
