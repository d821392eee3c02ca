// The options of a statement: --if-absent, --if-version N, --stale, --timeout MS, --limit N, --info, --json.
#include <algorithm>
#include <array>

#include "client/statement/statement_form.hpp"
#include "protocol/lifetime.hpp"
#include "protocol/spelling.hpp"

namespace trellis {
namespace {

constexpr std::array<std::string_view, 13> kOptionNames = {
    "--ttl",  "--if-present", "--strict",  "--return", "--stale",       "--if-absent", "--json",
    "--info", "--if-version", "--timeout", "--limit",  "--allow-fewer", "--dry-run"};

/// Empty where none is so near that it can be meant.
std::string_view nearest_option(std::string_view name) {
  constexpr std::size_t kLongest = 32;  // Beyond that the distance says nothing, but takes time.
  std::size_t least = std::max<std::size_t>(3, name.size() / 3);
  std::string_view nearest;
  for (const std::string_view known : kOptionNames) {
    const std::size_t away = edit_distance(name.substr(0, kLongest), known);
    if (away >= least) continue;
    least = away;
    nearest = known;
  }
  return nearest;
}

}  // namespace

bool is_known_option(std::string_view word) {
  const std::string_view name = word.substr(0, word.find('='));
  return std::find(kOptionNames.begin(), kOptionNames.end(), name) != kOptionNames.end();
}

Result<bool> take_option(std::string_view word, std::string_view next, GivenOptions& given) {
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  if (equals == std::string_view::npos) {
    if (name == "--stale") return given.stale = true, false;
    if (name == "--if-absent") return given.if_absent = true, false;
    if (name == "--if-present") return given.if_present = true, false;
    if (name == "--strict") return given.strict = true, false;
    if (name == "--json") return given.json = true, false;
    if (name == "--info") return given.info = true, false;
    if (name == "--allow-fewer") return given.allow_fewer = true, false;
    if (name == "--dry-run") return given.dry_run = true, false;
  }
  if (name == "--return") {
    given.return_document = (equals == std::string_view::npos ? next : word.substr(equals + 1)) == "document";
    if (!given.return_document) return invalid_argument("--return takes what is to be returned: --return document");
    return equals == std::string_view::npos;
  }
  if (name == "--ttl") {
    const bool takes_next = equals == std::string_view::npos;
    given.ttl_ms = lifetime_of(takes_next ? next : word.substr(equals + 1));
    if (!given.ttl_ms) return invalid_argument("--ttl takes how long the document stays: --ttl 60s");
    return takes_next;
  }
  if (name != "--if-version" && name != "--timeout" && name != "--limit") {
    const std::string_view nearest = nearest_option(name);
    if (!nearest.empty()) {
      return invalid_argument("unknown option " + shown(word) + "; the nearest is " + std::string(nearest) +
                              " (a key that begins with -- stands in quotes)");
    }
    return invalid_argument(
        "unknown option " + shown(word) +
        "; known are --if-absent, --if-present, --if-version N, --strict, --return document, --ttl TIME, --stale, "
        "--timeout MS, --limit N, --allow-fewer, --dry-run, --info and --json (a key that begins with -- stands in "
        "quotes)");
  }
  const bool takes_next = equals == std::string_view::npos;
  const auto value = natural(takes_next ? next : word.substr(equals + 1));
  if (name == "--if-version") {
    if (!value) return invalid_argument("--if-version takes the version that is expected: --if-version 17");
    given.if_version = value;
    return takes_next;
  }
  if (name == "--limit") {
    if (!value || *value < 1) return invalid_argument("--limit takes how many to print, from 1 on: --limit 100");
    given.limit = value;
    return takes_next;
  }
  if (!value || *value < 1 || *value > static_cast<std::uint64_t>(kTimeoutMax.count())) {
    return invalid_argument("--timeout takes milliseconds from 1 to " + std::to_string(kTimeoutMax.count()) +
                            ": --timeout 5000");
  }
  given.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(*value));
  return takes_next;
}

Result<void> put_options(const GivenOptions& given, const StatementDefaults& defaults, Statement& out) {
  out.json = given.json || defaults.json;
  out.info = given.info;
  out.options.timeout = given.timeout.value_or(defaults.options.timeout);
  if (out.kind != Statement::Kind::kRequest) return {};
  const OptionSet taken = row_of(out.command).options;
  if (given.stale && !taken.has(Option::kConsistency)) {
    return invalid_argument("--stale belongs to reads: " + names_with(Option::kConsistency));
  }
  if (given.if_absent && !taken.has(Option::kIfAbsent)) {
    return invalid_argument("--if-absent belongs to " + names_with(Option::kIfAbsent));
  }
  if (given.if_present && !taken.has(Option::kIfPresent)) {
    return invalid_argument("--if-present belongs to " + names_with(Option::kIfPresent));
  }
  if ((given.strict || given.return_document) && !taken.has(Option::kStrict)) {
    return invalid_argument("--strict and --return belong to " + names_with(Option::kStrict));
  }
  if (given.ttl_ms && !taken.has(Option::kTtl)) {
    return invalid_argument("--ttl belongs to " + names_with(Option::kTtl));
  }
  if (given.allow_fewer && !taken.has(Option::kAllowFewer)) {
    return invalid_argument("--allow-fewer belongs to " + names_with(Option::kAllowFewer));
  }
  if (given.dry_run && !taken.has(Option::kDryRun)) {
    return invalid_argument("--dry-run belongs to " + names_with(Option::kDryRun));
  }
  if (given.if_present && (given.if_absent || given.if_version)) {
    return invalid_argument("--if-present excludes --if-absent and --if-version");
  }
  if (given.if_version && !taken.has(Option::kIfVersion)) {
    return invalid_argument("--if-version belongs to " + names_with(Option::kIfVersion));
  }
  if (given.if_absent && given.if_version) {
    return invalid_argument("--if-absent and --if-version exclude each other: a key that is absent has no version");
  }
  const auto has_pages = [](Command command) { return row_of(command).signature == Signature::kPage; };
  if (given.limit && !has_pages(out.command)) return invalid_argument("--limit belongs to " + names_where(has_pages));
  if (given.limit) {
    out.limit = given.limit;
    out.arguments = pack_page(out.subject, std::min<std::uint64_t>(*given.limit, kPageKeysDefault), std::nullopt);
  }
  out.options.stale = given.stale || (defaults.options.stale && taken.has(Option::kConsistency));
  out.options.if_absent = given.if_absent;
  out.options.if_version = given.if_version;
  out.options.if_present = given.if_present;
  out.options.ttl_ms = given.ttl_ms;
  out.options.strict = given.strict;
  out.options.allow_fewer = given.allow_fewer;
  out.options.dry_run = given.dry_run;
  out.options.return_document = given.return_document;
  if (given.return_document) out.change.reset();
  return {};
}

}  // namespace trellis
