#include "client/client.hpp"

#include <unordered_map>

#include "client/public/read_info.hpp"
#include "client/public/value_packing.hpp"
#include "protocol/packed.hpp"

namespace trellis::client {
namespace {

using OnAnswer = std::function<void(Result<Answer<Value>>)>;

std::vector<std::string> to_endpoints(std::vector<std::string> brokers) {
  for (std::string& broker : brokers) {
    if (broker.find("://") == std::string::npos) broker = "tcp://" + broker;
  }
  return brokers;
}

Result<Answer<Value>> read(const trellis::Answer& answer, Command command, bool accept_unguaranteed) {
  const Reply& reply = answer.reply;
  auto result = reply.result.empty() ? Value() : unpack(reply.result);
  if (!result) return Error{Code::kInternal, "the reply has another form", takes_session(command), {}};
  // Whether all of a BATCH is guaranteed is told of each item.
  const bool accepts = accept_unguaranteed || command == Command::kBatch;
  auto read = read_reply(reply.status, reply.info, takes_session(command), accepts, std::move(*result));
  // A listing without a pattern goes on behind its last key.
  const Array* const page = read && read->more && read->after.empty() ? read->result.as_array() : nullptr;
  if (page == nullptr || page->empty()) return read;
  const Array* const record = page->back().as_array();
  const Value& last = record == nullptr || record->empty() ? page->back() : record->front();
  if (last.as_text() != nullptr) read->after = *last.as_text();
  if (last.as_bytes() != nullptr) read->after = last.as_bytes()->bytes;
  return read;
}

}  // namespace

/// The calls of the cluster, and those that it is not asked: what is wrong with them is told from inside run(), too.
class Client::Calls {
 public:
  Calls(std::vector<std::string> brokers, const trellis::Result<std::optional<UserKey>>& user)
      : cluster(to_endpoints(std::move(brokers)), trellis::Client::Absent::kAwait, user ? *user : std::nullopt) {
    if (!user) fault = Error{Code::kUnauthenticated, user.error().message, false, {}};
  }

  std::uint64_t refuse(Error error, OnAnswer on_answer) {
    refused[next_refused].swap(on_answer);
    errors.emplace_back(next_refused, std::move(error));
    return next_refused++;
  }
  void deliver_refusals() {
    std::vector<std::pair<std::uint64_t, Error>> told;
    told.swap(errors);
    for (auto& [id, error] : told) {
      const auto node = refused.extract(id);
      if (!node.empty()) node.mapped()(std::move(error));
    }
  }

  trellis::Client cluster;
  std::optional<Error> fault;  ///< There is no key to show: nothing is asked.
  std::unordered_map<std::uint64_t, OnAnswer> refused;
  std::vector<std::pair<std::uint64_t, Error>> errors;
  std::uint64_t next_refused = 1ull << 63;  ///< The cluster's ids are smaller.
};

Client::Client(std::vector<std::string> brokers, Settings settings)
    : calls_(std::make_unique<Calls>(std::move(brokers), find_user_key(settings.user))),
      settings_(std::move(settings)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

std::uint64_t Client::start_value(const std::string& name, const Array& arguments, const Options& options,
                                  OnAnswer on_answer) {
  if (calls_->fault) return calls_->refuse(*calls_->fault, std::move(on_answer));
  const auto command = command_of(name);
  if (!command) return calls_->refuse({Code::kInvalidArgument, "no command is called " + name, false, {}}, on_answer);
  const trellis::Options checked = to_protocol(options, settings_.timeout);
  std::string packed;
  pack_options(packed, checked);
  if (const auto read = read_options(packed, *command, OptionPlace::kRequest); !read) {
    return calls_->refuse({Code::kInvalidArgument, read.error().message, false, {}}, std::move(on_answer));
  }
  packed.clear();
  pack(packed, arguments);
  return calls_->cluster.start(
      *command, packed, checked,
      [command = *command, accept = settings_.accept_unguaranteed,
       on_answer = std::move(on_answer)](const trellis::Answer& answer) { on_answer(read(answer, command, accept)); });
}

void Client::forget(std::uint64_t id) {
  if (calls_->refused.erase(id) == 0) calls_->cluster.forget(id);
}

void Client::run(std::chrono::milliseconds wait) {
  calls_->cluster.run(calls_->errors.empty() ? wait : std::chrono::milliseconds(0));
  calls_->deliver_refusals();
}

void Client::wake() { calls_->cluster.wake(); }
std::size_t Client::under_way() const { return calls_->cluster.under_way() + calls_->refused.size(); }

}  // namespace trellis::client
