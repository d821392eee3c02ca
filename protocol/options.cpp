#include "protocol/options.hpp"

#include <algorithm>

#include "protocol/access/access_records.hpp"
#include "protocol/arguments.hpp"
#include "protocol/glob.hpp"
#include "protocol/lenient.hpp"
#include "protocol/notation/notation_text.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

Error unknown(std::string_view name) {
  std::string known;
  for (const OptionRow& row : option_rows()) known.append(known.empty() ? "" : ", ").append(row.name);
  return invalid_argument("unknown option " + quoted_excerpt(name) + "; known are " + known);
}

bool belongs(const OptionRow& row, Command command, OptionPlace place) {
  return row_of(command).options.has(row.option) && !(place == OptionPlace::kBatchItem && row.of_whole_request);
}

/// Why it does not.
Error misplaced(const OptionRow& row, Command command, OptionPlace place) {
  const std::string option = "option " + quoted_excerpt(row.name);
  if (place == OptionPlace::kBatchItem && row.of_whole_request) {
    return invalid_argument(option + " belongs to the BATCH, not to its items");
  }
  return invalid_argument(option + " does not belong to " + std::string(name_of(command)));
}

/// Puts a value that is there into its place.  Nothing there: it was not of the option's type.
template <typename Value, typename Place>
bool take(const std::optional<Value>& value, Place& place) {
  if (value) place = *value;
  return value.has_value();
}

bool take_bytes(PackedReader& reader, std::size_t size_max, std::optional<std::string_view>& place) {
  place = reader.read_bytes();
  return place && place->size() <= size_max;
}

/// Text is a name, bin is a hash: here one does not stand for the other.
bool read_as(PackedReader& reader, Options& options) {
  const auto value = reader.peek();
  options.as = reader.read_bytes();
  if (!options.as) return false;
  options.as_token = value->type == PackedType::kBin;
  return options.as_token ? options.as->size() == kTokenHashSize : is_access_name(*options.as);
}

/// Whether the value was as it has to be.
bool read_value_of(Option option, PackedReader& reader, Options& options) {
  switch (option) {
    case Option::kTimeout: {
      const auto value = read_whole(reader);
      if (!value || *value < 1 || *value > static_cast<std::uint64_t>(kTimeoutMax.count())) return false;
      options.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(*value));
      return true;
    }
    case Option::kConsistency: {
      const auto value = read_text(reader);
      options.stale = value == "stale";
      return options.stale || value == "linearizable";
    }
    case Option::kSession:
      options.session = reader.read_bytes();
      return options.session && !options.session->empty() && options.session->size() <= kSessionSizeMax;
    case Option::kSeq: return take(read_whole(reader), options.seq);
    case Option::kFloor: return take(read_whole(reader), options.floor);
    case Option::kIfAbsent: return take(reader.read_bool(), options.if_absent);
    case Option::kIfVersion: return take(read_whole(reader), options.if_version);
    case Option::kLoad: return take(reader.read_bool(), options.load);
    case Option::kAtLeast: return take_bytes(reader, KeyRange::kBoundSizeMax, options.range.at_least);
    case Option::kBelow: return take_bytes(reader, KeyRange::kBoundSizeMax, options.range.below);
    case Option::kMatch: return take_bytes(reader, Glob::kSizeMax, options.range.match);
    case Option::kReverse: return take(reader.read_bool(), options.range.reverse);
    case Option::kIfPresent: return take(reader.read_bool(), options.if_present);
    case Option::kStrict: return take(reader.read_bool(), options.strict);
    case Option::kReturn: options.return_document = read_text(reader) == "document"; return options.return_document;
    case Option::kPointer: return take(reader.read_bool(), options.pointer);
    case Option::kTtl: options.ttl_ms = read_ttl(reader); return options.ttl_ms.has_value();
    case Option::kAllowFewer: return take(reader.read_bool(), options.allow_fewer);
    case Option::kDryRun: return take(reader.read_bool(), options.dry_run);
    case Option::kAs: return read_as(reader, options);
  }
  return false;
}

/// Whether it says anything but its default.
bool is_given(Option option, const Options& options) {
  switch (option) {
    case Option::kTimeout: return options.timeout != kTimeoutDefault;
    case Option::kConsistency: return options.stale;
    case Option::kSession:
    case Option::kSeq: return options.session.has_value();
    case Option::kFloor: return options.session && options.floor;
    case Option::kIfAbsent: return options.if_absent;
    case Option::kIfVersion: return options.if_version.has_value();
    case Option::kLoad: return options.load;
    case Option::kAtLeast: return options.range.at_least.has_value();
    case Option::kBelow: return options.range.below.has_value();
    case Option::kMatch: return options.range.match.has_value();
    case Option::kReverse: return options.range.reverse;
    case Option::kIfPresent: return options.if_present;
    case Option::kStrict: return options.strict;
    case Option::kReturn: return options.return_document;
    case Option::kPointer: return options.pointer;
    case Option::kTtl: return options.ttl_ms.has_value();
    case Option::kAllowFewer: return options.allow_fewer;
    case Option::kDryRun: return options.dry_run;
    case Option::kAs: return options.as.has_value();
  }
  return false;
}

void pack_value_of(Option option, const Options& options, PackedWriter& writer) {
  switch (option) {
    case Option::kTimeout: writer.integer(options.timeout.count()); return;
    case Option::kConsistency: writer.str("stale"); return;
    case Option::kSession: writer.bin(*options.session); return;
    case Option::kSeq: writer.natural(options.seq); return;
    case Option::kFloor: writer.natural(*options.floor); return;
    case Option::kIfAbsent:
    case Option::kLoad:
    case Option::kReverse:
    case Option::kIfPresent:
    case Option::kStrict:
    case Option::kAllowFewer:
    case Option::kDryRun:
    case Option::kPointer: writer.boolean(true); return;
    case Option::kReturn: writer.str("document"); return;
    case Option::kAtLeast: writer.key(*options.range.at_least); return;
    case Option::kBelow: writer.key(*options.range.below); return;
    case Option::kMatch: writer.key(*options.range.match); return;
    case Option::kIfVersion: writer.natural(*options.if_version); return;
    case Option::kTtl: writer.natural(*options.ttl_ms); return;
    case Option::kAs: options.as_token ? writer.bin(*options.as) : writer.str(*options.as); return;
  }
}

/// What keeps options from standing together.
std::optional<Error> problem_together(const Options& options, OptionSet given) {
  const bool has_seq = given.has(Option::kSeq);
  if (given.has(Option::kSession) != has_seq) return invalid_argument("session and seq go together");
  if (options.floor && !has_seq) return invalid_argument("floor goes with session and seq");
  if (options.floor && *options.floor > options.seq) {
    return invalid_argument("floor is " + std::to_string(*options.floor) + " and seq " + std::to_string(options.seq) +
                            "; floor is the lowest seq that may still be sent again, so at most seq");
  }
  if (options.range.match) {
    if (const auto glob = Glob::parse(*options.range.match); !glob) return glob.error();
  }
  if ((options.if_absent ? 1 : 0) + (options.if_present ? 1 : 0) + (options.if_version ? 1 : 0) > 1) {
    return invalid_argument("if_absent, if_present and if_version exclude each other");
  }
  if (options.pointer && options.strict) return invalid_argument("with pointer, which is strict, strict says nothing");
  return std::nullopt;
}

}  // namespace

std::optional<Error> read_options(PackedReader& reader, Command command, OptionPlace place, Options& options) {
  if (reader.read_nil()) return std::nullopt;
  const auto pairs = read_fields(reader);
  if (!pairs) return invalid_argument("options must be a map or nil");
  OptionSet given;
  for (std::uint32_t i = 0; i < *pairs; ++i) {
    const auto name = read_text(reader);
    if (!name) return invalid_argument("the keys of options must be str");
    const auto option = option_of(*name);
    if (!option) return unknown(*name);
    if (given.has(*option)) return invalid_argument("option " + quoted_excerpt(*name) + " stands twice");
    const OptionRow& row = row_of(*option);
    if (!belongs(row, command, place)) return misplaced(row, command, place);
    if (!read_value_of(*option, reader, options)) {
      return invalid_argument(std::string(row.name) + " must be " + std::string(row.type));
    }
    given.add(*option);
  }
  return *pairs == 0 ? std::nullopt : problem_together(options, given);
}

Result<Options> read_options(std::string_view packed, Command command, OptionPlace place) {
  PackedReader reader(packed);
  Options options;
  if (auto problem = read_options(reader, command, place, options)) return std::move(*problem);
  return options;
}

bool are_for_worker(const Options& options) {
  const KeyRange& range = options.range;
  return options.if_absent || options.if_present || options.if_version || options.ttl_ms || options.strict ||
         options.return_document || options.pointer || options.load || options.allow_fewer || options.dry_run ||
         range.at_least || range.below || range.match || range.reverse;
}

void pack_options(std::string& out, const Options& options) {
  const auto rows = option_rows();
  const auto given = [&options](const OptionRow& row) { return is_given(row.option, options); };
  PackedWriter writer(out);
  writer.map(static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), given)));
  for (const OptionRow& row : rows) {
    if (given(row)) pack_value_of(row.option, options, writer.str(row.name));
  }
}

}  // namespace trellis
