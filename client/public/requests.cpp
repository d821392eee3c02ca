// Commands as values, and how their results are read.
#include "client/public/read_info.hpp"
#include "protocol/packed.hpp"

namespace trellis::client {
namespace {

/// A key is packed as results carry it: text where it is UTF-8.
Value key_value(std::string_view key) { return is_utf8(key) ? Value(key) : Value(Bytes{std::string(key)}); }

std::optional<std::string> read_key(const Value& key) {
  if (const auto* const text = key.as_text()) return *text;
  if (const auto* const bytes = key.as_bytes()) return bytes->bytes;
  return std::nullopt;
}

std::optional<Value> read_value(Value result, bool) { return result; }
std::optional<bool> read_bool(const Value& result, bool) { return result.as_bool(); }
std::optional<double> read_number(const Value& result, bool) { return result.as_number(); }
std::optional<std::uint64_t> read_count(const Value& result, bool) { return result.as_uint(); }

std::optional<std::string> read_text(const Value& result, bool) {
  const auto* const text = result.as_text();
  return text == nullptr ? std::nullopt : std::optional(*text);
}

std::optional<Keys> read_keys(const Value& result, bool) {
  const Array* const array = result.as_array();
  if (array == nullptr) return std::nullopt;
  Keys keys;
  for (const Value& element : *array) {
    auto key = read_key(element);
    if (!key) return std::nullopt;
    keys.push_back(std::move(*key));
  }
  return keys;
}

std::optional<Records> read_records(const Value& result, bool) {
  const Array* const array = result.as_array();
  if (array == nullptr) return std::nullopt;
  Records records;
  for (const Value& element : *array) {
    const Array* const record = element.as_array();
    auto key = record != nullptr && record->size() == 2 ? read_key(record->front()) : std::nullopt;
    if (!key) return std::nullopt;
    records.emplace_back(std::move(*key), record->back());
  }
  return records;
}

std::optional<std::optional<std::chrono::milliseconds>> read_left(const Value& result, bool) {
  if (result.is_null()) return std::optional<std::chrono::milliseconds>();
  const auto left = result.as_int();
  if (!left) return std::nullopt;
  return std::chrono::milliseconds(*left);
}

Array page(std::string_view prefix, std::uint64_t limit, std::string_view after) {
  return {key_value(prefix), limit, after.empty() ? Value() : key_value(after)};
}

/// [command, arguments, options]
Value to_value(Item item) {
  Map options;
  if (item.options.stale) options.emplace_back("consistency", "stale");
  if (item.options.if_absent) options.emplace_back("if_absent", true);
  if (item.options.if_present) options.emplace_back("if_present", true);
  if (item.options.strict) options.emplace_back("strict", true);
  if (item.options.return_document) options.emplace_back("return", "document");
  if (item.options.pointer) options.emplace_back("pointer", true);
  if (item.options.ttl) options.emplace_back("ttl_ms", item.options.ttl->count());
  if (item.options.if_version) options.emplace_back("if_version", *item.options.if_version);
  // These belong to a whole request: the cluster refuses them here, by name.
  if (item.options.timeout) options.emplace_back("timeout_ms", item.options.timeout->count());
  if (item.options.session) options.emplace_back("session", *item.options.session);
  return Array{std::move(item.command), std::move(item.arguments), std::move(options)};
}

}  // namespace

Request<bool> put(std::string_view key, Value document, Options options) {
  return {"PUT", {key_value(key), std::move(document)}, std::move(options), read_bool};
}
Request<bool> set(std::string_view key, Value document, Options options) {
  return {"SET", {key_value(key), std::move(document)}, std::move(options), read_bool};
}
Request<Value> get(std::string_view key, Options options) {
  return {"GET", {key_value(key)}, std::move(options), read_value};
}
Request<bool> has(std::string_view key, Options options) {
  return {"HAS", {key_value(key)}, std::move(options), read_bool};
}
Request<bool> remove(std::string_view key, Options options) {
  return {"DELETE", {key_value(key)}, std::move(options), read_bool};
}
Request<Value> pop(std::string_view key, Options options) {
  return {"POP", {key_value(key)}, std::move(options), read_value};
}
Request<Value> patch(std::string_view key, Array operations, Options options) {
  return {"PATCH", {key_value(key), Value(std::move(operations))}, std::move(options), read_value};
}

Request<bool> expire(std::string_view key, std::optional<std::chrono::milliseconds> ttl, Options options) {
  return {"EXPIRE", {key_value(key), ttl ? Value(ttl->count()) : Value()}, std::move(options), read_bool};
}
Request<std::optional<std::chrono::milliseconds>> ttl(std::string_view key, Options options) {
  return {"TTL", {key_value(key)}, std::move(options), read_left};
}

Request<Value> query(std::string_view key, Array steps, Options options) {
  steps.insert(steps.begin(), key_value(key));
  return {"QUERY", {Value(std::move(steps))}, std::move(options), read_value};
}

Request<double> compute(std::string_view expression, std::map<std::string, Array> variables, Options options) {
  Map paths;
  for (auto& variable : variables) paths.emplace_back(variable.first, std::move(variable.second));
  return {"COMPUTE", {expression, std::move(paths)}, std::move(options), read_number};
}

Request<Keys> keys(std::string_view prefix, std::uint64_t limit, std::string_view after, Options options) {
  return {"KEYS", page(prefix, limit, after), std::move(options), read_keys};
}
Request<Records> scan(std::string_view prefix, std::uint64_t limit, std::string_view after, Options options) {
  return {"SCAN", page(prefix, limit, after), std::move(options), read_records};
}
Request<std::uint64_t> count(std::string_view prefix, Options options) {
  return {"COUNT", {key_value(prefix)}, std::move(options), read_count};
}

Request<Outcomes> batch(std::vector<Item> items, Options options) {
  Array packed;
  std::vector<std::string> commands;
  for (Item& item : items) {
    commands.push_back(item.command);
    packed.push_back(to_value(std::move(item)));
  }
  return {"BATCH",
          {Value(std::move(packed))},
          std::move(options),
          [commands = std::move(commands)](const Value& result, bool accept_unguaranteed) {
            return read_outcomes(result, commands, accept_unguaranteed);
          }};
}

Request<Value> members(Options options) { return {"MEMBERS", {}, std::move(options), read_value}; }
Request<Value> locate(std::string_view key, Options options) {
  return {"LOCATE", {key_value(key)}, std::move(options), read_value};
}
Request<Value> status(Options options) { return {"STATUS", {}, std::move(options), read_value}; }
Request<std::string> ping(Options options) { return {"PING", {}, std::move(options), read_text}; }
Request<Value> command(std::string name, Array arguments, Options options) {
  return {std::move(name), std::move(arguments), std::move(options), read_value};
}

}  // namespace trellis::client
