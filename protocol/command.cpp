#include "protocol/command.hpp"

#include <algorithm>
#include <array>

#include "protocol/lenient.hpp"
#include "protocol/notation.hpp"
#include "protocol/notation_text.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

struct CommandRow {
  std::string_view name;
  bool writes;
  bool on_one_key;
};

// In the order of Command.
constexpr std::array<CommandRow, 16> kCommands = {{
    {"PUT", true, true},
    {"SET", true, true},
    {"GET", false, true},
    {"HAS", false, true},
    {"DELETE", true, true},
    {"POP", true, true},
    {"QUERY", false, true},
    {"COMPUTE", false, false},
    {"KEYS", false, false},
    {"SCAN", false, false},
    {"COUNT", false, false},
    {"BATCH", false, false},
    {"MEMBERS", false, false},
    {"LOCATE", false, false},
    {"STATUS", false, false},
    {"PING", false, false},
}};

const CommandRow& row_of(Command command) { return kCommands[static_cast<std::size_t>(command)]; }

bool reads_data(Command command) {
  switch (command) {
    case Command::kGet:
    case Command::kHas:
    case Command::kQuery:
    case Command::kCompute:
    case Command::kKeys:
    case Command::kScan:
    case Command::kCount: return true;
    default: return false;
  }
}

bool is_put(Command command) { return command == Command::kPut || command == Command::kSet; }

Error does_not_belong(std::string_view option, Command command) {
  return invalid_argument("option " + quoted_excerpt(option) + " does not belong to " + std::string(name_of(command)));
}

/// Where the options stand decides what is allowed: a batch item has neither session nor timeout of its own.
enum class Place : std::uint8_t { kRequest, kBatchItem };

Result<void> read_option(PackedReader& reader, std::string_view name, Command command, Place place, Options& options,
                         bool& has_seq) {
  const bool top = place == Place::kRequest;
  if (name == "timeout_ms") {
    if (!top) return invalid_argument("option \"timeout_ms\" belongs to the BATCH, not to its items");
    const auto value = read_whole(reader);
    if (!value || *value < 1 || *value > static_cast<std::uint64_t>(kTimeoutMax.count())) {
      return invalid_argument("timeout_ms must be an int from 1 to " + std::to_string(kTimeoutMax.count()));
    }
    options.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(*value));
    return {};
  }
  if (name == "consistency") {
    if (!reads_data(command)) return does_not_belong(name, command);
    const auto value = read_text(reader);
    if (!value || (*value != "linearizable" && *value != "stale")) {
      return invalid_argument("consistency must be \"linearizable\" or \"stale\"");
    }
    options.stale = *value == "stale";
    return {};
  }
  if (name == "session") {
    if (!top) return invalid_argument("option \"session\" belongs to the BATCH, not to its items");
    if (!is_write(command) && command != Command::kBatch) return does_not_belong(name, command);
    const auto value = reader.read_bytes();
    if (!value || value->empty() || value->size() > kSessionSizeMax) {
      return invalid_argument("session must be bin or str of 1 to " + std::to_string(kSessionSizeMax) + " bytes");
    }
    options.session = *value;
    return {};
  }
  if (name == "seq") {
    if (!top) return invalid_argument("option \"seq\" belongs to the BATCH, not to its items");
    if (!is_write(command) && command != Command::kBatch) return does_not_belong(name, command);
    const auto value = read_whole(reader);
    if (!value) return invalid_argument("seq must be a uint");
    options.seq = *value;
    has_seq = true;
    return {};
  }
  if (name == "floor") {
    if (!top) return invalid_argument("option \"floor\" belongs to the BATCH, not to its items");
    if (!is_write(command) && command != Command::kBatch) return does_not_belong(name, command);
    const auto value = read_whole(reader);
    if (!value) return invalid_argument("floor must be a uint");
    options.floor = *value;
    return {};
  }
  if (name == "if_absent") {
    if (!is_put(command)) return does_not_belong(name, command);
    const auto value = reader.read_bool();
    if (!value) return invalid_argument("if_absent must be a bool");
    options.if_absent = *value;
    return {};
  }
  if (name == "if_version") {
    if (!is_put(command) && command != Command::kDelete) return does_not_belong(name, command);
    const auto value = read_whole(reader);
    if (!value) return invalid_argument("if_version must be a uint");
    options.if_version = *value;
    return {};
  }
  if (name == "load") {
    const auto value = reader.read_bool();
    if (command != Command::kMembers) return does_not_belong(name, command);
    if (!value) return invalid_argument("load must be a bool");
    options.load = *value;
    return {};
  }
  return invalid_argument("unknown option " + quoted_excerpt(name) +
                          "; known are timeout_ms, consistency, session, seq, floor, if_absent, if_version, load");
}

Result<Options> read_options(std::string_view packed, Command command, Place place) {
  PackedReader reader(packed);
  Options options;
  if (reader.read_nil()) return options;
  const auto pairs = read_fields(reader);
  if (!pairs) return invalid_argument("options must be a map or nil");
  bool has_seq = false;
  // Never more than there are options: an unknown one, or one that stands twice, ends the loop.
  std::array<std::string_view, 8> seen;
  for (std::uint32_t i = 0; i < *pairs; ++i) {
    const auto name = read_text(reader);
    if (!name) return invalid_argument("the keys of options must be str");
    if (std::find(seen.begin(), seen.begin() + i, *name) != seen.begin() + i) {
      return invalid_argument("option " + quoted_excerpt(*name) + " stands twice");
    }
    if (auto read = read_option(reader, *name, command, place, options, has_seq); !read) return read.error();
    seen[i] = *name;
  }
  if (options.session.has_value() != has_seq) return invalid_argument("session and seq go together");
  if (options.floor && !has_seq) return invalid_argument("floor goes with session and seq");
  if (options.floor && *options.floor > options.seq) {
    return invalid_argument("floor is " + std::to_string(*options.floor) + " and seq " + std::to_string(options.seq) +
                            "; floor is the lowest seq that may still be sent again, so at most seq");
  }
  if (options.if_absent && options.if_version) {
    return invalid_argument("if_absent and if_version exclude each other");
  }
  return options;
}

/// Opens an argument array and checks how many there are; reads on from there.
class Arguments {
 public:
  Arguments(std::string_view packed, std::size_t least, std::size_t most, const char* form)
      : reader_(packed), form_(form) {
    const auto count = reader_.read_array();
    left_ = count.value_or(0);
    good_ = count && left_ >= least && left_ <= most;
  }
  explicit operator bool() const { return good_; }
  Error error() const { return invalid_argument(std::string("arguments must be ") + form_); }
  bool more() const { return left_ > 0; }
  PackedReader& take() {
    --left_;
    return reader_;
  }

 private:
  PackedReader reader_;
  const char* form_;
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
  QueryArguments query{*key, {}};
  for (std::uint32_t i = 1; i < *segments; ++i) {
    const auto name = read_text(reader);
    const auto position = name ? std::nullopt : read_whole(reader);
    if (!name && !position) {
      return invalid_argument("step " + std::to_string(i) + " of the path must be a str or an int from 0");
    }
    // A path of more segments than documents have levels leads nowhere; one more than that is kept, to say so.
    if (query.path.size() > static_cast<std::size_t>(kNestingMax)) continue;
    query.path.push_back(name ? PathSegment(*name) : PathSegment(*position));
  }
  return query;
}

/// Reads `count` elements: the command, its arguments and perhaps its options, which end `packed`.
BatchItem read_item_elements(std::string_view packed, PackedReader& reader, std::uint32_t count) {
  BatchItem item;
  item.packed = packed;
  if (count < 2 || count > 3) {
    item.error = invalid_argument("a batch item must be [command, arguments] or [command, arguments, options]");
    return item;
  }
  const auto name = read_text(reader);
  const auto command = name ? command_of(*name) : std::nullopt;
  if (!command || !is_on_one_key(*command)) {
    item.error = invalid_argument((name ? quoted_excerpt(*name) : std::string("that")) +
                                  " cannot stand in a BATCH; PUT, SET, GET, HAS, DELETE, POP and QUERY can");
    return item;
  }
  item.command = *command;
  const auto arguments = reader.read_value();
  if (!arguments) {
    item.error = invalid_argument("arguments must be an array");
    return item;
  }
  item.arguments = arguments_of(*arguments);
  if (count == 3) {
    auto options = read_options(packed.substr(reader.position()), *command, Place::kBatchItem);
    if (options) {
      item.options = *options;
    } else {
      item.error = options.error();
    }
  }
  return item;
}

BatchItem read_item(std::string_view packed) {
  PackedReader reader(packed);
  const std::uint32_t count = reader.read_array().value_or(0);
  return read_item_elements(packed, reader, count);
}

}  // namespace

std::string_view name_of(Command command) { return row_of(command).name; }

std::optional<Command> command_of(std::string_view name) {
  for (std::size_t i = 0; i < kCommands.size(); ++i) {
    if (kCommands[i].name == name) return static_cast<Command>(i);
  }
  return std::nullopt;
}

bool is_write(Command command) { return row_of(command).writes; }
bool is_on_one_key(Command command) { return row_of(command).on_one_key; }

std::variant<Request, BadRequest> read_request(std::string_view frame) {
  std::uint64_t id = 0;
  // Whatever is wrong with a frame that is cut off or no MessagePack, that is what helps.
  const auto bad = [&id, frame](Error error) {
    if (const auto where = broken_at(frame)) error = invalid_argument("not valid MessagePack: the request " + *where);
    return BadRequest{id, std::move(error)};
  };
  const auto wrong = [&bad](std::string message) { return bad(invalid_argument(std::move(message))); };
  PackedReader reader(frame);
  const auto elements = reader.read_array();
  if (!elements || *elements == 0) {
    return wrong("a request must be a MessagePack array [version, id, command, arguments, options]");
  }
  const auto version = reader.read_int();
  // The id is looked for even behind a wrong version, so that the client can tell which request was wrong.
  if (!version && !reader.read_value()) return wrong("the request ends before its version");
  const auto given = *elements > 1 ? read_whole(reader) : std::nullopt;
  if (given && *given <= static_cast<std::uint64_t>(INT64_MAX)) id = *given;
  if (!version) return wrong("version must be an int; this broker speaks version 1");
  if (*version != 1) return wrong("version " + std::to_string(*version) + " is not spoken here; version 1 is");
  if (!given || id != *given) return wrong("id must be a uint from 0 to 2^63-1");
  if (*elements < 4 || *elements > 5) {
    return wrong("a request has 4 or 5 elements [version, id, command, arguments, options], this one has " +
                 std::to_string(*elements));
  }
  const auto name = read_text(reader);
  if (!name) return wrong("command must be a str");
  const auto command = command_of(*name);
  if (!command) return wrong("unknown command " + quoted_excerpt(*name));
  Request request;
  request.id = id;
  request.command = *command;
  const auto arguments = reader.read_value();
  if (arguments) request.arguments = arguments_of(*arguments);
  if (!PackedReader(request.arguments).read_array()) return wrong("arguments must be an array");
  if (*elements == 5) {
    const auto packed = reader.read_value();
    if (!packed) return wrong("options must be a map or nil");
    auto options = read_options(*packed, *command, Place::kRequest);
    if (!options) return bad(options.error());
    request.options = *options;
  }
  if (!reader.at_end()) return wrong("bytes after the request");
  return request;
}

Result<PutArguments> read_put(std::string_view arguments) {
  Arguments given(arguments, 2, 2, "[key, document]");
  if (!given) return given.error();
  const auto key = read_key_value(given.take());
  if (!key) return key.error();
  const auto document = given.take().read_value();
  if (!document) return given.error();
  if (auto checked = check_document(*document); !checked) return checked.error();
  return PutArguments{*key, *document};
}

Result<std::string_view> read_key(std::string_view arguments) {
  Arguments given(arguments, 1, 1, "[key]");
  if (!given) return given.error();
  return read_key_value(given.take());
}

Result<QueryArguments> read_query(std::string_view arguments) {
  Arguments given(arguments, 1, 1, "[path], and a path an array of a key and then map keys or positions");
  if (!given) return given.error();
  return read_path(given.take());
}

Result<ComputeArguments> read_compute(std::string_view arguments) {
  Arguments given(arguments, 1, 2, "[expression, variables]");
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
  Arguments given(arguments, 0, 3, "[prefix, limit, after], from the last on each may be left out");
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
  Arguments given(arguments, 0, 1, "[prefix], or empty");
  if (!given) return given.error();
  if (!given.more()) return std::string_view{};
  const auto prefix = given.take().read_bytes();
  if (!prefix) return invalid_argument("the prefix must be str or bin");
  return *prefix;
}

Result<std::vector<BatchItem>> read_batch(std::string_view arguments) {
  Arguments given(arguments, 1, 1, "[items]");
  if (!given) return given.error();
  PackedReader& reader = given.take();
  const auto count = reader.read_array();
  if (!count) return invalid_argument("the items of a BATCH must be an array");
  if (*count > kBatchItemsMax) {
    return invalid_argument("a BATCH has at most " + std::to_string(kBatchItemsMax) + " items, this one has " +
                            std::to_string(*count));
  }
  std::vector<BatchItem> items;
  items.reserve(*count);
  for (std::uint32_t i = 0; i < *count; ++i) {
    const auto packed = reader.read_value();
    if (!packed) return invalid_argument("the items of a BATCH are cut off");
    items.push_back(read_item(*packed));
    items.back().index = i;
  }
  return items;
}

Result<std::vector<BatchItem>> read_indexed_batch(std::string_view packed) {
  PackedReader reader(packed);
  const auto count = reader.read_array();
  if (!count || *count > kBatchItemsMax) return invalid_argument("a batch for a worker must be an array of items");
  std::vector<BatchItem> items;
  for (std::uint32_t i = 0; i < *count; ++i) {
    const auto packed_item = reader.read_value();
    if (!packed_item) return invalid_argument("the items of a batch are cut off");
    PackedReader elements(*packed_item);
    const std::uint32_t size = elements.read_array().value_or(0);
    const auto index = elements.read_uint();
    if (size == 0 || !index || *index >= kBatchItemsMax) return invalid_argument("a batch item without its position");
    items.push_back(read_item_elements(*packed_item, elements, size - 1));
    items.back().index = static_cast<std::uint32_t>(*index);
  }
  if (!reader.at_end()) return invalid_argument("bytes after a batch");
  return items;
}

Result<void> read_nothing(std::string_view arguments) {
  Arguments given(arguments, 0, 0, "empty");
  if (!given) return given.error();
  return {};
}

Result<std::string_view> read_routing_key(Command command, std::string_view arguments) {
  PackedReader reader(arguments);
  const auto count = reader.read_array();
  const std::uint32_t least = is_put(command) ? 2 : 1;
  if (!count || *count < least) return invalid_argument("arguments must begin with a key");
  if (command == Command::kQuery) {
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

void pack_options(std::string& out, const Options& options) {
  const bool has_timeout = options.timeout != kTimeoutDefault;
  const std::size_t count = (has_timeout ? 1 : 0) + (options.stale ? 1 : 0) + (options.session ? 2 : 0) +
                            (options.session && options.floor ? 1 : 0) + (options.if_absent ? 1 : 0) + (options.if_version ? 1 : 0) + (options.load ? 1 : 0);
  PackedWriter writer(out);
  writer.map(count);
  if (has_timeout) writer.str("timeout_ms").integer(options.timeout.count());
  if (options.stale) writer.str("consistency").str("stale");
  if (options.session) writer.str("session").bin(*options.session).str("seq").natural(options.seq);
  if (options.session && options.floor) writer.str("floor").natural(*options.floor);
  if (options.if_absent) writer.str("if_absent").boolean(true);
  if (options.load) writer.str("load").boolean(true);
  if (options.if_version) writer.str("if_version").natural(*options.if_version);
}

std::string pack_request(std::uint64_t id, Command command, std::string_view arguments, const Options& options) {
  std::string out;
  out.reserve(32 + arguments.size());
  PackedWriter writer(out);
  writer.array(5).natural(1).natural(id).str(name_of(command)).packed(arguments);
  pack_options(out, options);
  return out;
}

}  // namespace trellis
