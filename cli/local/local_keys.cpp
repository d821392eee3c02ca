#include "cli/local/local_keys.hpp"

#include <unistd.h>

#include <cstdlib>

#include "cli/keys/keys.hpp"
#include "program/key_file.hpp"
#include "protocol/access/access_changes.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// What the gateway of `up` is called as a user.
constexpr const char* kGatewayUser = "gateway";
/// Its role, which is built in.
constexpr const char* kGatewayRole = "gateway";

}  // namespace

Result<std::optional<LocalKeys>> local_keys(const std::string& folder, bool makes_them) {
  LocalKeys keys;
  const std::string own = folder + "/keys";
  keys.cluster_file = own + "/" + kClusterKeyFile;
  keys.administrator_file = own + "/" + std::string(kFirstUser) + ".user";
  keys.gateway_file = own + "/" + kGatewayUser + ".user";
  const bool are_there = ::access(keys.cluster_file.c_str(), F_OK) == 0;
  if (!are_there && !makes_them) return std::optional<LocalKeys>();
  if (!are_there) {
    if (auto made = make_keys(own); !made) return made.error();
  }
  auto administrator = load_user_key(keys.administrator_file);
  if (!administrator) return administrator.error();
  keys.administrator = std::move(*administrator);
  if (::access(keys.gateway_file.c_str(), F_OK) != 0) {
    const auto gateway = make_user_key(keys.administrator.server_key);
    if (!gateway) return gateway.error();
    if (auto saved = save_secret(write_user_key(*gateway, kGatewayUser), keys.gateway_file); !saved) {
      return saved.error();
    }
  }
  return std::optional(std::move(keys));
}

bool names_a_cluster_key() {
  const char* const key = std::getenv("TRELLIS_CLUSTER_KEY");
  return key != nullptr && *key != '\0';
}

Result<void> add_gateway_user(Client& client, const LocalKeys& keys) {
  const auto gateway = load_user_key(keys.gateway_file);
  if (!gateway) return gateway.error();
  std::string arguments;
  PackedWriter(arguments).array(3).str(kGatewayUser).bin(key_bytes(gateway->public_key)).str(kGatewayRole);
  const Answer answer = client.call(Command::kUserAdd, arguments, {});
  if (answer.reply.status == Code::kOk) return {};
  return Error{answer.reply.status, "cannot add the user of the HTTP gateway: " + answer.reply.info.message};
}

}  // namespace trellis
