#include "sim/roles.hpp"

#include "protocol/access/access_changes.hpp"
#include "protocol/packed.hpp"

namespace trellis::sim {
namespace {

constexpr std::uint64_t kGuest = 2;
constexpr std::string_view kSecret = "b/";
constexpr std::string_view kReadOnly = "t/";

bool is_refused(Code status) { return status == Code::kPermissionDenied; }

/// Whether the status tells of what is stored, or that something was done.
bool tells(Code status) {
  return status == Code::kOk || status == Code::kNotFound || status == Code::kAlreadyExists ||
         status == Code::kFailedPrecondition;
}

bool may(const Operation& operation) {
  if (operation.key.starts_with(kSecret)) return false;
  return !is_write(operation.command) || !operation.key.starts_with(kReadOnly);
}

}  // namespace

AccessRecords simulated_users() {
  AccessRecords records = first_access_records(std::string(kPublicKeySize, 'a'));
  records.next_user = kGuest + 1;
  records.roles.push_back({"guests",
                           {{"a/", true, true}, {"c/", true, true}, {std::string(kReadOnly), true, false}},
                           ClusterRight::kRead,
                           false});
  records.users.push_back({"guest", kGuest, std::string(kPublicKeySize, 'g'), "guests", {}});
  return records;
}

Asker asker_of(const SimulatedClient& client) { return {client.is_raw ? kGuest : Asker::kMember}; }

const char* wrong_by_role(const Operation& operation, Code status) {
  if (may(operation)) return is_refused(status) ? "what its role allows was refused" : nullptr;
  return tells(status) ? "what its role does not allow was done, or told" : nullptr;
}

const char* wrong_by_role(Command command, const Reply& reply) {
  if (is_refused(reply.status)) return "a part of all keys may be seen, and none was shown";
  if (reply.status != Code::kOk) return nullptr;
  if (!reply.info.filtered) return "a listing of a part does not say so";
  if (command == Command::kCount) return nullptr;
  PackedReader reader(reply.result);
  for (auto left = reader.read_array().value_or(0); left > 0; --left) {
    if (command == Command::kScan) reader.read_array();
    const auto key = reader.read_bytes();
    if (!key || key->starts_with(kSecret)) return "a listing shows a key that may not be read";
    if (command == Command::kScan) reader.read_value();
  }
  return nullptr;
}

}  // namespace trellis::sim
