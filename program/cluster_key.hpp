// The cluster's key: a key pair of CURVE that all processes of one cluster share, in a file of its own (key_file.hpp).
//
// Lines `public`, `secret`, and `administrator`: the public key of the user with whom the cluster's users begin.  It is
// read once, by the cluster that has none yet.  Whoever has the file is a member.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "program/key_file.hpp"
#include "protocol/access/access_records.hpp"
#include "protocol/result.hpp"

namespace CLI {
class App;
}

namespace trellis {

struct ClusterKey {
  std::string public_key;  ///< All as Z85, 40 characters.
  std::string secret_key;
  std::string administrator;  ///< Empty in files that earlier software made.
};

/// A new one.  Error: libzmq was built without CURVE.
/// @param administrator  the public key of the first user
Result<ClusterKey> make_cluster_key(const std::string& administrator);

std::string write_cluster_key(const ClusterKey& key);
/// @param name  what the text is called in errors: kInvalidArgument, with what is wrong and what would be right
Result<ClusterKey> read_cluster_key(std::string_view text, const std::string& name);

/// Makes the file, readable for its owner alone.  Error: it is there already, or it cannot be written.
Result<void> save_cluster_key(const ClusterKey& key, const std::string& path);
/// Error: kNotFound where there is no such file, kInvalidArgument where others can read it or it holds no key.
Result<ClusterKey> load_cluster_key(const std::string& path);

/// The users with whom a cluster of this key begins; nothing where its file names no administrator.
std::optional<AccessRecords> first_access_records(const std::optional<ClusterKey>& key);

/// Adds --cluster-key FILE.  `path` must outlive the parse.
void add_cluster_key_setting(CLI::App& app, std::string& path);
/// The key in the file that was given to it; nothing where none was.  Errors as load_cluster_key().
Result<std::optional<ClusterKey>> cluster_key_of(const std::string& path);

}  // namespace trellis
