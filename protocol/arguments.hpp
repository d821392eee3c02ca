// What stands in a request's argument array, typed: one reader for each signature of protocol/command_table.hpp.
//
// Views point into the frame they were read from.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/cluster_settings.hpp"
#include "protocol/command_table.hpp"
#include "protocol/document.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"
#include "protocol/patch/operation.hpp"
#include "protocol/result.hpp"

namespace trellis {

struct PutArguments {
  std::string_view key;
  std::string_view document;  ///< Checked.
};
struct PageArguments {
  std::string_view prefix;
  std::size_t limit = kPageKeysDefault;
  std::optional<std::string_view> after;
};
struct QueryArguments {
  std::string_view key;
  Path path;  ///< Without the key.
};
struct PatchArguments {
  std::string_view key;
  std::string_view packed;  ///< The operations as they came.
  std::vector<PatchOperation> operations;
};
struct LifetimeArguments {
  std::string_view key;
  std::optional<std::uint64_t> ttl_ms;  ///< Nothing: for good.
};
struct Variable {
  std::string_view name;
  QueryArguments query;
  std::string_view packed_path;  ///< The path as it came, to be passed on as QUERY's argument.
};
struct ComputeArguments {
  std::string_view expression;
  std::vector<Variable> variables;
};
/// All of these take the packed argument array of a Request or BatchItem.  Errors: kInvalidArgument.
Result<PutArguments> read_put(std::string_view arguments);          ///< Signature::kRecord
Result<std::string_view> read_key(std::string_view arguments);      ///< kKey
Result<QueryArguments> read_query(std::string_view arguments);      ///< kPath
Result<ComputeArguments> read_compute(std::string_view arguments);  ///< kFormula
Result<PageArguments> read_page(std::string_view arguments);        ///< kPage
Result<std::string_view> read_count(std::string_view arguments);    ///< kPrefix
Result<std::string_view> read_member(std::string_view arguments);   ///< kMember
/// Whom a recovery leaves behind, by ids or addresses; and the id of the cluster, without which nothing changes.
struct RecoveryArguments {
  std::vector<std::string_view> lost;
  std::string_view cluster;
};
Result<RecoveryArguments> read_recovery(std::string_view arguments);  ///< kRecovery
Result<SettingsChange> read_settings(std::string_view arguments);     ///< kSettings
/// kChanges.  Values are checked.
Result<PatchArguments> read_patch(std::string_view arguments, Dialect dialect);
Result<LifetimeArguments> read_lifetime(std::string_view arguments);  ///< kLifetime
Result<void> read_nothing(std::string_view arguments);                ///< kNothing

/// How long a document may stay, in milliseconds: 1 to kTtlMax.
std::optional<std::uint64_t> read_ttl(PackedReader& reader);

/// The key of a command on one key, without reading (or checking) what follows it: enough to route by.
Result<std::string_view> read_routing_key(Command command, std::string_view arguments);

/// A path in dots, as people type it, for messages: person2.address.number, "my.key".sub
std::string to_text(std::string_view key, const Path& path);

}  // namespace trellis
