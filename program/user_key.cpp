#include "program/user_key.hpp"

#include <unistd.h>

#include <cstdlib>

#include "program/key_file.hpp"

namespace trellis {
namespace {

constexpr const char* kRemedy = "; an administrator makes one with `trellis user add NAME --role ROLE`";

}  // namespace

Result<UserKey> make_user_key(const std::string& server_key) {
  auto pair = make_key_pair();
  if (!pair) return pair.error();
  return UserKey{server_key, pair->public_key, pair->secret_key};
}

std::string write_user_key(const UserKey& key, const std::string& user) {
  return "# The key of user " + user + " of a Trellis cluster.  Whoever has it is " + user +
         ".\nserver = " + key.server_key + "\npublic = " + key.public_key + "\nsecret = " + key.secret_key + "\n";
}

Result<UserKey> read_user_key(std::string_view text, const std::string& name) {
  auto keys = read_keys(text, name, {"server", "public", "secret", "administrator"}, kRemedy);
  if (!keys) return keys.error();
  // A cluster's own key stands for a member.
  if (keys->contains("administrator") && !keys->contains("server")) (*keys)["server"] = (*keys)["public"];
  UserKey key{(*keys)["server"], (*keys)["public"], (*keys)["secret"]};
  if (key.server_key.empty() || key.public_key.empty() || key.secret_key.empty()) {
    return Error{Code::kInvalidArgument,
                 name + ": lines `server = KEY`, `public = KEY` and `secret = KEY` are needed" + std::string(kRemedy)};
  }
  if (!belong_together(key.public_key, key.secret_key)) {
    return Error{Code::kInvalidArgument, name + ": its two keys are no pair; copy the file once more"};
  }
  return key;
}

Result<UserKey> load_user_key(const std::string& path) {
  const auto text = load_secret(path, "the user's key", kRemedy);
  if (!text) return text.error();
  return read_user_key(*text, path);
}

Result<std::optional<UserKey>> find_user_key(const std::string& chosen) {
  const auto variable = [](const char* name) {
    return std::string(std::getenv(name) == nullptr ? "" : std::getenv(name));
  };
  std::string path = chosen.empty() ? variable("TRELLIS_USER") : chosen;
  if (path == kNoUser) return std::optional<UserKey>();
  if (path.empty()) {
    const std::string settings = variable("XDG_CONFIG_HOME");
    const std::string home = variable("HOME");
    if (settings.empty() && home.empty()) return std::optional<UserKey>();
    path = (settings.empty() ? home + "/.config" : settings) + "/trellis/user";
    if (::access(path.c_str(), F_OK) != 0) return std::optional<UserKey>();
  }
  auto key = load_user_key(path);
  if (!key) return key.error();
  return std::optional(std::move(*key));
}

}  // namespace trellis
