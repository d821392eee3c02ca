#include "client/public/read_info.hpp"

#include "client/public/value_packing.hpp"
#include "protocol/command_table.hpp"

namespace trellis::client {
namespace {

Code code_of(trellis::Code status, const ReplyInfo& info) {
  switch (status) {
    case trellis::Code::kInvalidArgument: return Code::kInvalidArgument;
    case trellis::Code::kNotFound: return Code::kNotFound;
    case trellis::Code::kAlreadyExists: return Code::kAlreadyExists;
    case trellis::Code::kFailedPrecondition:
      return info.exactly_once == ExactlyOnce::kNothing ? Code::kFailedPrecondition : Code::kExactlyOnce;
    case trellis::Code::kUnavailable: return Code::kUnavailable;
    case trellis::Code::kDeadlineExceeded: return Code::kDeadlineExceeded;
    case trellis::Code::kResourceExhausted: return Code::kResourceExhausted;
    case trellis::Code::kUnauthenticated: return Code::kUnauthenticated;
    case trellis::Code::kPermissionDenied: return Code::kPermissionDenied;
    case trellis::Code::kUnimplemented: return Code::kUnimplemented;
    case trellis::Code::kOk:
    case trellis::Code::kInternal: return Code::kInternal;
  }
  return Code::kInternal;
}

bool is_perhaps_applied(trellis::Code status, const ReplyInfo& info) {
  return status == trellis::Code::kDeadlineExceeded || status == trellis::Code::kInternal ||
         info.exactly_once == ExactlyOnce::kUnknown || info.exactly_once == ExactlyOnce::kApplied;
}

Error not_guaranteed(const ReplyInfo& info) {
  return {Code::kNotGuaranteed,
          info.warnings.empty() ? "no majority could confirm this answer" : info.warnings.front(),
          false,
          {}};
}

std::optional<std::chrono::milliseconds> ttl_of(const ReplyInfo& info) {
  if (!info.ttl_ms) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*info.ttl_ms));
}

}  // namespace

Result<Answer<Value>> read_reply(trellis::Code status, const ReplyInfo& info, bool writes, bool accept_unguaranteed,
                                 Value result) {
  const bool is_word = status == trellis::Code::kOk || status == trellis::Code::kNotFound;
  if (is_word && !info.guaranteed && !accept_unguaranteed) return not_guaranteed(info);
  if (status != trellis::Code::kOk) {
    return Error{code_of(status, info), info.message, writes && is_perhaps_applied(status, info),
                 std::string(name_of(info.exactly_once))};
  }
  return Answer<Value>{
      std::move(result),       info.version,  info.guaranteed, info.more, info.after.value_or(""), info.warnings,
      info.missing_partitions, info.filtered, ttl_of(info)};
}

std::optional<Outcomes> read_outcomes(const Value& result, const std::vector<std::string>& commands,
                                      bool accept_unguaranteed) {
  const Array* const items = result.as_array();
  if (items == nullptr || items->size() != commands.size()) return std::nullopt;
  Outcomes outcomes;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const Array* const item = (*items)[i].as_array();
    if (item == nullptr || item->size() != 3 || item->front().as_text() == nullptr) return std::nullopt;
    std::string packed_info;
    pack(packed_info, item->back());
    const auto info = trellis::read_info(packed_info);
    if (!info) return std::nullopt;
    const auto status = trellis::code_of(*item->front().as_text()).value_or(trellis::Code::kInternal);
    const auto command = command_of(commands[i]);
    const bool writes = !command || is_write(*command);
    outcomes.push_back(read_reply(status, *info, writes, accept_unguaranteed, (*item)[1]));
  }
  return outcomes;
}

}  // namespace trellis::client
