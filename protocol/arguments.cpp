#include "protocol/arguments.hpp"

#include <algorithm>

#include "protocol/lenient.hpp"
#include "protocol/limits.hpp"
#include "protocol/notation/notation.hpp"
#include "protocol/notation/notation_text.hpp"
#include "protocol/packed.hpp"
#include "protocol/path.hpp"

namespace trellis {
namespace {

/// A member's address is host:port, and a host name has 253 bytes at most.
constexpr std::size_t kMemberNameSizeMax = 260;
/// One for each restore: far more than there will ever be.
constexpr std::uint64_t kEpochMax = std::uint64_t{1} << 32;

/// Opens an argument array and checks how many there are; reads on from there.
class ArgumentReader {
 public:
  ArgumentReader(Signature signature, std::string_view packed) : row_(row_of(signature)), reader_(packed) {
    const auto count = reader_.read_array();
    left_ = count.value_or(0);
    good_ = count && left_ >= row_.least && left_ <= row_.arguments.size();
  }
  explicit operator bool() const { return good_; }
  Error error() const { return invalid_argument("arguments must be " + std::string(row_.form)); }
  bool more() const { return left_ > 0; }
  PackedReader& take() {
    --left_;
    return reader_;
  }

 private:
  const SignatureRow& row_;
  PackedReader reader_;
  std::size_t left_ = 0;
  bool good_ = false;
};

Result<std::string_view> read_key_value(PackedReader& reader) {
  const auto key = reader.read_bytes();
  if (!key) return invalid_argument("a key must be str or bin");
  if (key->empty() || key->size() > kKeySizeMax) {
    return invalid_argument("a key has 1 to " + std::to_string(kKeySizeMax) + " bytes, this one has " +
                            std::to_string(key->size()));
  }
  return *key;
}

Result<QueryArguments> read_path(PackedReader& reader) {
  const auto segments = reader.read_array();
  if (!segments || *segments == 0)
    return invalid_argument("a path must be an array of a key and then map keys or positions");
  const auto key = read_key_value(reader);
  if (!key) return key.error();
  auto path = read_steps(reader, *segments - 1, 1);
  if (!path) return path.error();
  return QueryArguments{*key, std::move(*path)};
}

}  // namespace

Result<PutArguments> read_put(std::string_view arguments) {
  ArgumentReader given(Signature::kRecord, arguments);
  if (!given) return given.error();
  const auto key = read_key_value(given.take());
  if (!key) return key.error();
  // It is the last one, and is checked to be one whole value.
  const std::string_view document = arguments.substr(given.take().position());
  if (auto checked = check_document(document); !checked) return checked.error();
  return PutArguments{*key, document};
}

Result<std::string_view> read_key(std::string_view arguments) {
  ArgumentReader given(Signature::kKey, arguments);
  if (!given) return given.error();
  return read_key_value(given.take());
}

Result<QueryArguments> read_query(std::string_view arguments) {
  ArgumentReader given(Signature::kPath, arguments);
  if (!given) return given.error();
  return read_path(given.take());
}

Result<ComputeArguments> read_compute(std::string_view arguments) {
  ArgumentReader given(Signature::kFormula, arguments);
  if (!given) return given.error();
  const auto expression = read_text(given.take());
  if (!expression) return invalid_argument("the expression must be a str");
  if (expression->size() > kExpressionSizeMax) {
    return invalid_argument("the expression has " + std::to_string(expression->size()) + " bytes, at most " +
                            std::to_string(kExpressionSizeMax) + " are allowed");
  }
  ComputeArguments compute{*expression, {}};
  if (!given.more()) return compute;
  PackedReader& reader = given.take();
  if (reader.read_nil()) return compute;
  const auto pairs = read_fields(reader);
  if (!pairs) return invalid_argument("variables must be a map of name to path");
  for (std::uint32_t i = 0; i < *pairs; ++i) {
    const auto name = read_text(reader);
    if (!name) return invalid_argument("a variable's name must be a str");
    PackedReader ahead = reader;
    const auto packed_path = ahead.read_value();
    auto query = read_path(reader);
    if (!packed_path || !query) return query ? invalid_argument("a variable's path is cut off") : query.error();
    for (const Variable& earlier : compute.variables) {
      if (earlier.name == *name) return invalid_argument("variable " + quoted_excerpt(*name) + " stands twice");
    }
    // An expression of kExpressionSizeMax bytes cannot name more.
    if (compute.variables.size() == kExpressionSizeMax) return invalid_argument("too many variables");
    compute.variables.push_back({*name, std::move(*query), *packed_path});
  }
  return compute;
}

Result<PageArguments> read_page(std::string_view arguments) {
  ArgumentReader given(Signature::kPage, arguments);
  if (!given) return given.error();
  PageArguments page;
  if (given.more()) {
    const auto prefix = given.take().read_bytes();
    if (!prefix) return invalid_argument("the prefix must be str or bin");
    page.prefix = *prefix;
  }
  if (given.more()) {
    const auto limit = read_whole(given.take());
    if (!limit || *limit < 1 || *limit > kPageKeysMax) {
      return invalid_argument("the limit must be an int from 1 to " + std::to_string(kPageKeysMax));
    }
    page.limit = static_cast<std::size_t>(*limit);
  }
  if (given.more()) {
    PackedReader& reader = given.take();
    if (!reader.read_nil()) {
      const auto after = reader.read_bytes();
      if (!after) return invalid_argument("after must be a key or nil");
      page.after = *after;
    }
  }
  return page;
}

Result<std::string_view> read_count(std::string_view arguments) {
  ArgumentReader given(Signature::kPrefix, arguments);
  if (!given) return given.error();
  if (!given.more()) return std::string_view{};
  const auto prefix = given.take().read_bytes();
  if (!prefix) return invalid_argument("the prefix must be str or bin");
  return *prefix;
}

Result<PatchArguments> read_patch(std::string_view arguments, Dialect dialect) {
  ArgumentReader given(Signature::kChanges, arguments);
  if (!given) return given.error();
  const auto key = read_key_value(given.take());
  if (!key) return key.error();
  const auto packed = given.take().read_value();
  if (!packed) return given.error();
  auto operations = read_operations(*packed, dialect);
  if (!operations) return operations.error();
  if (auto checked = check_operations(*operations); !checked) return checked.error();
  return PatchArguments{*key, *packed, std::move(*operations)};
}

std::optional<std::uint64_t> read_ttl(PackedReader& reader) {
  const auto ttl_ms = read_whole(reader);
  const bool is_good = ttl_ms && *ttl_ms >= 1 && *ttl_ms <= static_cast<std::uint64_t>(kTtlMax.count());
  return is_good ? ttl_ms : std::nullopt;
}

Result<LifetimeArguments> read_lifetime(std::string_view arguments) {
  ArgumentReader given(Signature::kLifetime, arguments);
  if (!given) return given.error();
  const auto key = read_key_value(given.take());
  if (!key) return key.error();
  PackedReader& reader = given.take();
  if (reader.read_nil()) return LifetimeArguments{*key, std::nullopt};
  const auto ttl_ms = read_ttl(reader);
  if (!ttl_ms) return given.error();
  return LifetimeArguments{*key, ttl_ms};
}

Result<std::string_view> read_member(std::string_view arguments) {
  ArgumentReader given(Signature::kMember, arguments);
  if (!given) return given.error();
  const auto member = given.take().read_bytes();
  if (!member || member->empty() || member->size() > kMemberNameSizeMax) return given.error();
  return *member;
}

namespace {

Result<void> take_setting(const std::optional<std::string_view>& name, PackedReader& reader, SettingsChange& change) {
  if (name == "repair_after_ms") {
    const auto value = read_whole(reader);
    const std::uint64_t beyond = static_cast<std::uint64_t>(kRepairAfterMax.count()) + 1;
    change.repair_after = std::chrono::milliseconds(std::min(value.value_or(beyond), beyond));
    return check_repair_after(*change.repair_after);
  }
  if (name == "epoch") {
    change.epoch = read_whole(reader);
    const bool is_good = change.epoch && *change.epoch <= kEpochMax;
    return is_good ? Result<void>() : invalid_argument("epoch must be an int from 0 to 2^32");
  }
  if (name != "k" && name != "moves" && name != "move_rate") {
    return invalid_argument("unknown setting" + (name ? " " + quoted_excerpt(*name) : "") +
                            "; known are k, moves, move_rate and repair_after_ms");
  }
  const auto value = read_whole(reader);
  if (name == "k") {
    if (!value || *value < 1 || *value > kWorkersMax) {
      return invalid_argument("k must be an int from 1 to " + std::to_string(kWorkersMax));
    }
    change.k = static_cast<std::uint32_t>(*value);
    return {};
  }
  MoveLimits limits;
  if (name == "moves") {
    limits.moves = static_cast<std::uint32_t>(std::min<std::uint64_t>(value.value_or(0), kMovesMax + 1));
    change.moves = limits.moves;
  } else {
    limits.rate = value.value_or(kMoveRateMax + 1);
    change.move_rate = limits.rate;
  }
  return check(limits);
}

}  // namespace

Result<SettingsChange> read_settings(std::string_view arguments) {
  ArgumentReader given(Signature::kSettings, arguments);
  if (!given) return given.error();
  SettingsChange change;
  if (!given.more()) return change;
  PackedReader& reader = given.take();
  const auto fields = read_fields(reader);
  if (!fields) return invalid_argument("settings must be a map of name to value");
  for (std::uint32_t i = 0; i < *fields; ++i) {
    const auto name = read_text(reader);
    if (auto taken = take_setting(name, reader, change); !taken) return taken.error();
  }
  return change;
}

Result<RecoveryArguments> read_recovery(std::string_view arguments) {
  ArgumentReader given(Signature::kRecovery, arguments);
  if (!given) return given.error();
  RecoveryArguments recovery;
  PackedReader& reader = given.take();
  const auto count = reader.read_array();
  if (!count || *count == 0 || *count > kWorkersMax) return given.error();
  for (std::uint32_t i = 0; i < *count; ++i) {
    const auto name = read_text(reader);
    if (!name || name->empty() || name->size() > kMemberNameSizeMax) return given.error();
    recovery.lost.push_back(*name);
  }
  if (!given.more()) return recovery;
  const auto cluster = read_text(given.take());
  if (!cluster || cluster->size() > kMemberNameSizeMax) return given.error();
  recovery.cluster = *cluster;
  return recovery;
}

Result<void> read_nothing(std::string_view arguments) {
  ArgumentReader given(Signature::kNothing, arguments);
  if (!given) return given.error();
  return {};
}

Result<std::string_view> read_routing_key(Command command, std::string_view arguments) {
  PackedReader reader(arguments);
  const auto count = reader.read_array();
  const Signature signature = row_of(command).signature;
  if (!count || *count < row_of(signature).least) return invalid_argument("arguments must begin with a key");
  if (signature == Signature::kPath) {
    const auto segments = reader.read_array();
    if (!segments || *segments == 0)
      return invalid_argument("a path must be an array of a key and then map keys or positions");
  }
  return read_key_value(reader);
}

std::string to_text(std::string_view key, const Path& path) {
  std::string text = print_key(key);
  for (const PathSegment& segment : path) {
    text.push_back('.');
    if (const auto* position = std::get_if<std::uint64_t>(&segment)) {
      text += std::to_string(*position);
    } else {
      const auto name = std::get<std::string_view>(segment);
      // Bare digits would be a position.
      const bool digits = !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
      text += digits ? '"' + std::string(name) + '"' : print_key(name);
    }
  }
  return text;
}

}  // namespace trellis
