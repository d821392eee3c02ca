// The cluster's key: a key pair of CURVE (libzmq's, http://curvezmq.org) that all processes of one cluster share.
//
// A file of two lines, `public = KEY` and `secret = KEY`, each of 40 characters (Z85, ZeroMQ RFC 32); `#` begins a
// comment.  Whoever has it is a member, so a file that others can read is refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace CLI {
class App;
}

namespace trellis {

struct ClusterKey {
  std::string public_key;  ///< Both as Z85, 40 characters.
  std::string secret_key;
};

/// A new one, from the system's random numbers.  Error: libzmq was built without CURVE.
Result<ClusterKey> make_cluster_key();

std::string write_cluster_key(const ClusterKey& key);
/// @param name  what the text is called in errors: kInvalidArgument, with what is wrong and what would be right
Result<ClusterKey> read_cluster_key(std::string_view text, const std::string& name);

/// Makes the file, readable for its owner alone.  Error: it is there already, or it cannot be written.
Result<void> save_cluster_key(const ClusterKey& key, const std::string& path);
/// Error: kNotFound where there is no such file, kInvalidArgument where others can read it or it holds no key.
Result<ClusterKey> load_cluster_key(const std::string& path);

/// Adds --cluster-key FILE.  `path` must outlive the parse.
void add_cluster_key_setting(CLI::App& app, std::string& path);
/// The key in the file that was given to it; nothing where none was.  Errors as load_cluster_key().
Result<std::optional<ClusterKey>> cluster_key_of(const std::string& path);

}  // namespace trellis
