// The rows of Signature: which arguments a command takes, and how that is said.
#include <array>

#include "protocol/command_table.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

constexpr Argument kKeyArgument{"key", "str or bin of 1 to 4096 bytes"};
constexpr Argument kPrefixArgument{"prefix", "str or bin", true};
static_assert(kKeySizeMax == 4096);

constexpr std::array kKey = {kKeyArgument};
constexpr std::array kRecord = {kKeyArgument, Argument{"document", "any value"}};
constexpr std::array kPath = {Argument{"path", "array of a key and then map keys (str) or positions (int)"}};
constexpr std::array kFormula = {Argument{"expression", "str"}, Argument{"variables", "map of name to path", true}};
constexpr std::array kPage = {kPrefixArgument, Argument{"limit", "int from 1 to 10000", true},
                              Argument{"after", "key or nil", true}};
constexpr std::array kPrefix = {kPrefixArgument};
constexpr std::array kItems = {Argument{"items", "array of [command, arguments] or [command, arguments, options]"}};
static_assert(kPageKeysMax == 10'000);
constexpr std::array kLifetime = {kKeyArgument, Argument{"ttl_ms", "int from 1 to 315360000000, or nil"}};
constexpr std::array kChanges = {kKeyArgument, Argument{"operations", "array of [name, path, value]"}};
constexpr std::array kMember = {Argument{"member", "str: id or address"}};
constexpr std::array kSettings = {Argument{"settings", "map of name to value", true}};
constexpr std::array kRecovery = {Argument{"lost", "array of members' ids or addresses"},
                                  Argument{"cluster", "str: its id", true}};
constexpr Argument kNameArgument{"name", "str of 1 to 64 letters, digits and . - _"};
constexpr std::array kUserKey = {kNameArgument, Argument{"key", "bin of 32 bytes"}, Argument{"role", "str"}};
constexpr std::array kUserRole = {kNameArgument, Argument{"role", "str"}};
constexpr std::array kToken = {kNameArgument, Argument{"hash", "bin of 32 bytes, or nil"},
                               Argument{"ends_at", "uint: seconds since 1970", true}};
constexpr std::array kName = {kNameArgument};
constexpr Argument kPartitionArgument{"partition", "int from 0"};
constexpr Argument kIndexArgument{"index", "int from 0"};
constexpr Argument kTermArgument{"term", "int from 0"};
constexpr std::array kFence = {kPartitionArgument, Argument{"action", "str"}, Argument{"index", "int from 0", true},
                               Argument{"term", "int from 0", true}};
constexpr std::array kFenceName = {kPartitionArgument, kIndexArgument, kTermArgument};
constexpr std::array kFencePage = {kPartitionArgument, kIndexArgument, kTermArgument, Argument{"after", "key or nil"},
                                   Argument{"size", "int from 1 to 16777216"}};
static_assert(kPageSizeMax == 16'777'216);
constexpr std::array kRole = {kNameArgument, Argument{"allowed", "map of rules, cluster and speak_for"}};

constexpr std::array kSignatures = {
    SignatureRow{Signature::kNothing, {}, "empty"},
    SignatureRow{Signature::kKey, kKey, "[key]"},
    SignatureRow{Signature::kRecord, kRecord, "[key, document]"},
    SignatureRow{Signature::kPath, kPath, "[path], and a path an array of a key and then map keys or positions"},
    SignatureRow{Signature::kFormula, kFormula, "[expression, variables]"},
    SignatureRow{Signature::kPage, kPage, "[prefix, limit, after], from the last on each may be left out"},
    SignatureRow{Signature::kPrefix, kPrefix, "[prefix], or empty"},
    SignatureRow{Signature::kItems, kItems, "[items]"},
    SignatureRow{Signature::kChanges, kChanges, "[key, operations]"},
    SignatureRow{Signature::kLifetime, kLifetime,
                 "[key, ttl_ms], where ttl_ms is an int from 1 to 315360000000 or nil"},
    SignatureRow{Signature::kMember, kMember, "[member], an id of 16 hex digits or an address"},
    SignatureRow{Signature::kSettings, kSettings, "[settings], or empty"},
    SignatureRow{Signature::kRecovery, kRecovery, "[[member, ...]] or [[member, ...], cluster id]"},
    SignatureRow{Signature::kUserKey, kUserKey,
                 "[name, key, role]: a name of 1 to 64 letters, digits and . - _, a public key as bin of 32 bytes, and "
                 "a role's name"},
    SignatureRow{Signature::kUserRole, kUserRole, "[name, role]"},
    SignatureRow{Signature::kToken, kToken, "[name, hash, ends_at], or [name, nil] for no token any more"},
    SignatureRow{Signature::kName, kName, "[name]"},
    SignatureRow{Signature::kRole, kRole,
                 "[name, {rules: [{prefix, allow: [\"read\", \"write\"]}, ...], cluster: \"read\", \"operate\" or "
                 "\"admin\", speak_for}], with up to 64 rules"},
    SignatureRow{Signature::kFence, kFence,
                 "[partition, \"begin\"], or [partition, action, index, term] with keep, end or raise"},
    SignatureRow{Signature::kFenceName, kFenceName, "[partition, index, term]"},
    SignatureRow{Signature::kFencePage, kFencePage, "[partition, index, term, after, size]"},
};
static_assert(kSignatures.size() == kSignatureCount);

constexpr bool each_stands_at_its_place() {
  for (std::size_t i = 0; i < kSignatures.size(); ++i) {
    if (kSignatures[i].signature != static_cast<Signature>(i)) return false;
  }
  return true;
}
static_assert(each_stands_at_its_place());

}  // namespace

const SignatureRow& row_of(Signature signature) { return kSignatures[static_cast<std::size_t>(signature)]; }

}  // namespace trellis
