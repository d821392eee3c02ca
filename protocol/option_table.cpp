// The rows of Option: what options are called, and what their values are.
#include <array>

#include "protocol/command_table.hpp"
#include "protocol/glob.hpp"
#include "protocol/key_range.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

constexpr std::array<OptionRow, kOptionCount> kOptions = {{
    {Option::kTimeout, "timeout_ms", "an int from 1 to 600000", true},
    {Option::kConsistency, "consistency", "\"linearizable\" or \"stale\"", false},
    {Option::kSession, "session", "bin or str of 1 to 64 bytes", true},
    {Option::kSeq, "seq", "a uint", true},
    {Option::kFloor, "floor", "a uint", true},
    {Option::kIfAbsent, "if_absent", "a bool", false},
    {Option::kIfVersion, "if_version", "a uint", false},
    {Option::kLoad, "load", "a bool", false},
    {Option::kAtLeast, "at_least", "str or bin of up to 4097 bytes", false},
    {Option::kBelow, "below", "str or bin of up to 4097 bytes", false},
    {Option::kMatch, "match", "str or bin of up to 1024 bytes, 128 between two *", false},
    {Option::kReverse, "reverse", "a bool", false},
    {Option::kIfPresent, "if_present", "a bool", false},
    {Option::kStrict, "strict", "a bool", false},
    {Option::kReturn, "return", "\"document\"", false},
    {Option::kPointer, "pointer", "a bool", false},
    {Option::kTtl, "ttl_ms", "an int from 1 to 315360000000", false},
    {Option::kAllowFewer, "allow_fewer", "a bool", false},
    {Option::kDryRun, "dry_run", "a bool", false},
    {Option::kAs, "as", "a user's name, or bin of 32 bytes: the hash of a user's token", true},
}};
static_assert(kTimeoutMax.count() == 600'000 && kSessionSizeMax == 64 && kTtlMax.count() == 315'360'000'000);
static_assert(KeyRange::kBoundSizeMax == 4097 && Glob::kSizeMax == 1024 && Glob::kBetweenStarsMax == 128);

constexpr bool each_stands_at_its_place() {
  for (std::size_t i = 0; i < kOptions.size(); ++i) {
    if (kOptions[i].option != static_cast<Option>(i) || kOptions[i].name.empty()) return false;
  }
  return true;
}
static_assert(each_stands_at_its_place());

}  // namespace

std::span<const OptionRow> option_rows() { return kOptions; }
const OptionRow& row_of(Option option) { return kOptions[static_cast<std::size_t>(option)]; }

std::optional<Option> option_of(std::string_view name) {
  for (const OptionRow& row : kOptions) {
    if (row.name == name) return row.option;
  }
  return std::nullopt;
}

}  // namespace trellis
