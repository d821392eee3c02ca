#include "sim/checker/final_state.hpp"

#include <algorithm>
#include <set>

namespace trellis::sim {

History with_final_state(History history, const std::map<std::string, FinalDocument>& state) {
  TimePoint end{};
  std::set<std::string> keys;
  for (const auto& [key, document] : state) keys.insert(key);
  for (const Operation& op : history.operations) {
    end = std::max({end, op.call, op.returned.value_or(op.call)});
    if (!op.is_listing()) keys.insert(op.key);
  }
  for (const std::string& key : keys) {
    Operation read;
    read.call = end + Duration(1);
    read.returned = end + Duration(2);
    read.client = "final";
    read.command = Command::kGet;
    read.key = key;
    read.status = Code::kNotFound;
    if (const auto held = state.find(key); held != state.end()) {
      read.status = Code::kOk;
      read.found = held->second.document;
      read.version = held->second.version;
    }
    history.operations.push_back(std::move(read));
  }
  return history;
}

}  // namespace trellis::sim
