#include "sim/reply_ledger.hpp"

#include <algorithm>
#include <variant>

#include "protocol/command.hpp"
#include "protocol/reply.hpp"

namespace trellis::sim {
namespace {

std::string text_of(const std::pair<std::string, std::uint64_t>& asked) {
  return "request " + std::to_string(asked.second) + " of client " + asked.first;
}

}  // namespace

void ReplyLedger::on_request(std::string_view client, std::string_view frame, TimePoint now) {
  const auto read = read_request(frame);
  const auto* const request = std::get_if<Request>(&read);
  if (request == nullptr) return;
  const Asked asked{std::string(client), request->id};
  open_.emplace(asked, now + request->options.timeout);
  due_.emplace(now + request->options.timeout, asked);
}

std::optional<std::string> ReplyLedger::on_reply(std::string_view client, std::string_view frame) {
  const auto reply = read_reply(frame);
  if (!reply) return "a reply to client " + std::string(client) + " cannot be read";
  const Asked asked{std::string(client), reply->id};
  const auto [first, last] = open_.equal_range(asked);
  if (first == last) {
    // Whoever sends what cannot be read is told so under the id that could be read, or under none.
    if (reply->status == Code::kInvalidArgument) return std::nullopt;
    return text_of(asked) + " is answered, and was not asked or has its answer: " + std::string(name_of(reply->status));
  }
  const auto next = std::min_element(first, last, [](const auto& a, const auto& b) { return a.second < b.second; });
  const TimePoint due = next->second;
  open_.erase(next);
  const auto [begin, end] = due_.equal_range(due);
  due_.erase(std::find_if(begin, end, [&asked](const auto& each) { return each.second == asked; }));
  return std::nullopt;
}

std::optional<std::string> ReplyLedger::overdue(TimePoint now) const {
  if (due_.empty() || now <= due_.begin()->first + kSlack) return std::nullopt;
  return text_of(due_.begin()->second) + " has no answer, and its deadline is over";
}

}  // namespace trellis::sim
