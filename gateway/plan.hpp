// From an HTTP request to what is to be asked of the cluster.
//
// A pure function: the route decides the command, segments and parameters become its arguments, headers its options.
// What is wrong is refused here with a response that says what would be right; what only the cluster can know is its.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "gateway/entity_tags.hpp"
#include "gateway/http.hpp"
#include "gateway/routes.hpp"
#include "protocol/command.hpp"
#include "protocol/limits.hpp"

namespace trellis {

/// A body is at most this large, so that the request it becomes is under the protocol's limit.
constexpr std::size_t kBodySizeMax = kRequestSizeMax - (64 << 10);  ///< Bytes.
/// So that a session of it, which has a prefix, is one of the protocol's.
constexpr std::size_t kIdempotencyKeySizeMax = 59;  ///< Bytes.
/// The keys of a page of a streamed listing; documents are larger.
constexpr std::size_t kStreamedKeys = 1'000;
constexpr std::size_t kStreamedRecords = 250;

enum class Format : std::uint8_t { kJson, kJsonLines, kPacked };

struct Plan {
  const Route* route = nullptr;
  std::string arguments;  ///< Packed array.
  std::string session;    ///< Empty: the client library's own.
  std::chrono::milliseconds timeout = kTimeoutDefault;
  bool stale = false;
  bool if_absent = false;
  std::optional<std::uint64_t> if_version;
  bool if_present = false;
  std::optional<std::uint64_t> ttl_ms;
  bool pointer = false;             ///< A JSON Patch.
  std::optional<PatchKind> change;  ///< The one operation of a PATCH, whose result is the response's.

  Format format = Format::kJson;
  std::string key;       ///< As it came, for Location and for advice.
  bool is_deep = false;  ///< A query leads into the document.
  /// What a read asks, or a write with preconditions; other writes' conditions stand above.
  std::optional<VersionCondition> if_match;
  std::optional<VersionCondition> if_none_match;  ///< Likewise.
  bool has_preconditions = false;                 ///< A write whose conditions gateway/preconditions.hpp checks.
  std::string prefix;                             ///< What a listing's keys begin with.
  OwnedKeyRange range;                            ///< Where a listing's keys lie.
  std::optional<std::string> after;               ///< The key behind which a listing begins.
  std::optional<std::size_t> limit;               ///< How many keys a listing has; none: it is streamed.
  bool verbose = false;                           ///< /readyz
  bool allow_fewer = false;                       ///< DELETE /v1/members/{key}
  bool dry_run = false;                           ///< There, and PATCH /v1/settings.
  bool load = false;                              ///< /v1/members
  std::string line;                               ///< /v1/console
  bool all = false;                               ///< /v1/console: all pages.
  std::string token_hash;                         ///< By which the user is known; empty: the gateway's own asks.

  bool streamed() const { return is_listing(*route) && !limit; }
  /// Views point into the plan.
  Options options() const;
};

/// Decides before the body has come, from its size (where it is told) and the headers: a refusal, or nothing.
std::optional<HttpResponse> refuse_early(const HttpRequest& request, std::optional<std::uint64_t> body_size);
Result<Plan, HttpResponse> make_plan(const HttpRequest& request);

/// KEYS' and SCAN's arguments.
std::string page_arguments(std::string_view prefix, std::size_t limit, const std::optional<std::string>& after);

}  // namespace trellis
