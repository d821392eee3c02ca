// A user's key: with it a client shows who it is, and knows the cluster that it speaks to (key_file.hpp).
//
// Lines `server` (the cluster's public key), `public` and `secret`.  `trellis user add NAME` makes the file.  The file
// of the cluster's own key is taken for one as well: whoever has it is a member.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace trellis {

struct UserKey {
  std::string server_key;  ///< All as Z85, 40 characters.
  std::string public_key;
  std::string secret_key;
};

/// A new one, for the cluster with this public key.  Error: libzmq was built without CURVE.
Result<UserKey> make_user_key(const std::string& server_key);

/// @param user  for the comment in it
std::string write_user_key(const UserKey& key, const std::string& user);
/// @param name  what the text is called in errors: kInvalidArgument, with what is wrong and what would be right
Result<UserKey> read_user_key(std::string_view text, const std::string& name);

/// Error: kNotFound where there is no such file, kInvalidArgument where others can read it or it holds no key.
Result<UserKey> load_user_key(const std::string& path);

/// The word that stands for no key where a file's name is asked for.
inline constexpr std::string_view kNoUser = "none";

/// The key of the file that was chosen, of TRELLIS_USER, or of ~/.config/trellis/user where that is there; nothing
/// where there is none of them, or kNoUser was chosen.  Errors as load_user_key().
/// @param chosen  empty: none was
Result<std::optional<UserKey>> find_user_key(const std::string& chosen);

}  // namespace trellis
