#include "program/cluster_key.hpp"

#include <CLI/CLI.hpp>

#include "protocol/access/access_changes.hpp"

namespace trellis {
namespace {

constexpr const char* kRemedy = "; make one with `trellis keys init DIR`, and give its cluster.key to every process";

}  // namespace

Result<ClusterKey> make_cluster_key(const std::string& administrator) {
  auto pair = make_key_pair();
  if (!pair) return pair.error();
  return ClusterKey{pair->public_key, pair->secret_key, administrator};
}

std::string write_cluster_key(const ClusterKey& key) {
  std::string text =
      "# The key of a Trellis cluster.  Whoever has it is a member: keep it as secret as the documents.\n"
      "public = " +
      key.public_key + "\nsecret = " + key.secret_key + "\n";
  if (key.administrator.empty()) return text;
  return text + "# The public key of the user with whom the cluster begins.\nadministrator = " + key.administrator +
         "\n";
}

Result<ClusterKey> read_cluster_key(std::string_view text, const std::string& name) {
  auto keys = read_keys(text, name, {"public", "secret", "administrator"}, kRemedy);
  if (!keys) return keys.error();
  ClusterKey key{(*keys)["public"], (*keys)["secret"], (*keys)["administrator"]};
  if (key.public_key.empty() || key.secret_key.empty()) {
    return Error{Code::kInvalidArgument,
                 name + ": a line `public = KEY` and a line `secret = KEY` are needed" + std::string(kRemedy)};
  }
  if (!belong_together(key.public_key, key.secret_key)) {
    return Error{Code::kInvalidArgument, name + ": its two keys are no pair; copy the file once more"};
  }
  return key;
}

Result<void> save_cluster_key(const ClusterKey& key, const std::string& path) {
  auto saved = save_secret(write_cluster_key(key), path);
  if (!saved && saved.error().code == Code::kFailedPrecondition) {
    return Error{Code::kFailedPrecondition, path + " is there already; a cluster goes on with the key that it has"};
  }
  return saved;
}

Result<ClusterKey> load_cluster_key(const std::string& path) {
  const auto text = load_secret(path, "the cluster's key", kRemedy);
  if (!text) return text.error();
  return read_cluster_key(*text, path);
}

std::optional<AccessRecords> first_access_records(const std::optional<ClusterKey>& key) {
  if (!key || key->administrator.empty()) return std::nullopt;
  return first_access_records(key_bytes(key->administrator));
}

void add_cluster_key_setting(CLI::App& app, std::string& path) {
  app.add_option("--cluster-key", path,
                 "The cluster's key, as `trellis keys init` makes it: only processes that have it are let in, between "
                 "brokers and workers.  The same for all of them")
      ->type_name("FILE");
}

Result<std::optional<ClusterKey>> cluster_key_of(const std::string& path) {
  if (path.empty()) return std::optional<ClusterKey>();
  auto key = load_cluster_key(path);
  if (!key) return key.error();
  return std::optional(std::move(*key));
}

}  // namespace trellis
