#include "protocol/access/permissions.hpp"

#include <algorithm>

#include "protocol/glob.hpp"
#include "protocol/notation/notation_text.hpp"

namespace trellis {
namespace {

/// The end that comes first; nothing is the end of all keys.
bool ends_before(const std::optional<std::string>& one, const std::optional<std::string>& other) {
  return one && (!other || *one < *other);
}

bool has_condition(const Options& options) { return options.if_absent || options.if_present || options.if_version; }

/// Whether a write's result, or its effect, depends on what is stored, so that its asker learns of it.
bool tells_what_was_there(Command command, const Options& options) {
  return command != Command::kDelete || has_condition(options);
}

const char* name_of_rights(bool read, bool write) {
  if (!read) return "write";
  return write ? "read and write" : "read";
}

}  // namespace

KeyInterval keys_with_prefix(std::string_view prefix) {
  KeyInterval keys{std::string(prefix), std::nullopt};
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (end.empty()) return keys;
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  keys.below = std::move(end);
  return keys;
}

KeyInterval intersection(const KeyInterval& one, const KeyInterval& other) {
  return {std::max(one.from, other.from), ends_before(one.below, other.below) ? one.below : other.below};
}

KeyInterval keys_asked_for(std::string_view prefix, const KeyRange& range) {
  KeyInterval keys = keys_with_prefix(prefix);
  if (range.match) {
    if (const auto glob = Glob::parse(*range.match)) keys = intersection(keys, keys_with_prefix(glob->beginning()));
  }
  if (range.at_least) keys = intersection(keys, {std::string(*range.at_least), std::nullopt});
  if (range.below) keys = intersection(keys, {"", std::string(*range.below)});
  return keys;
}

Permissions::Permissions(std::string user, const Role* role) : user_(std::move(user)) {
  if (role != nullptr) role_ = *role;
  std::vector<KeyInterval> all;
  for (const AccessRule& rule : role_.rules) {
    if (rule.read) all.push_back(keys_with_prefix(rule.prefix));
  }
  std::sort(all.begin(), all.end(), [](const KeyInterval& a, const KeyInterval& b) { return a.from < b.from; });
  for (KeyInterval& each : all) {
    const bool touches = !readable_.empty() && (!readable_.back().below || each.from <= *readable_.back().below);
    if (!touches) {
      readable_.push_back(std::move(each));
    } else if (ends_before(readable_.back().below, each.below)) {
      readable_.back().below = std::move(each.below);
    }
  }
}

bool Permissions::allows(std::string_view key, bool read, bool write) const {
  bool may_read = !read;
  bool may_write = !write;
  for (const AccessRule& rule : role_.rules) {
    if (!key.starts_with(rule.prefix)) continue;
    may_read = may_read || rule.read;
    may_write = may_write || rule.write;
  }
  return may_read && may_write;
}

Error Permissions::denied(Command command, const std::string& missing) const {
  return {Code::kPermissionDenied, "user " + user_ + " may not " + std::string(name_of(command)) + ": " +
                                       (role_.name.empty() ? "no role" : "role " + role_.name) + " has no right to " +
                                       missing};
}

std::optional<Error> Permissions::refusal_of_key(Command command, std::string_view key, bool read, bool write) const {
  if (allows(key, read, write)) return std::nullopt;
  return denied(command, std::string(name_of_rights(read, write)) + " " + quoted_excerpt(key));
}

std::optional<Error> Permissions::refusal(Command command, std::string_view arguments, const Options& options) const {
  const auto key = read_routing_key(command, arguments);
  if (!key) return std::nullopt;
  const bool writes = is_write(command);
  return refusal_of_key(command, *key, !writes || tells_what_was_there(command, options), writes);
}

std::optional<Error> Permissions::refusal(const Request& request) const {
  const CommandRow& row = row_of(request.command);
  if (row.cluster > role_.cluster) {
    return denied(request.command, "\"" + std::string(name_of(row.cluster)) + "\" the cluster");
  }
  if (is_on_one_key(request.command)) return refusal(request.command, request.arguments, request.options);
  switch (row.signature) {
    case Signature::kFormula: {
      const auto computation = read_compute(request.arguments);
      if (!computation) return std::nullopt;
      for (const Variable& variable : computation->variables) {
        if (auto refused = refusal_of_key(request.command, variable.query.key, true, false)) return refused;
      }
      return std::nullopt;
    }
    case Signature::kPage:
    case Signature::kPrefix: {
      const bool is_page = row.signature == Signature::kPage;
      const auto page = is_page ? read_page(request.arguments) : Result<PageArguments>(PageArguments{});
      const auto prefix = is_page ? Result<std::string_view>("") : read_count(request.arguments);
      if (!page || !prefix) return std::nullopt;
      const std::string_view asked = is_page ? page->prefix : *prefix;
      const KeyInterval keys = keys_asked_for(asked, request.options.range);
      if (keys.is_empty() || !visible(keys).intervals.empty()) return std::nullopt;
      return denied(request.command, "read any key of " + (asked.empty() ? "these" : quoted_excerpt(asked)));
    }
    default: return std::nullopt;
  }
}

VisiblePart Permissions::visible(const KeyInterval& asked) const {
  VisiblePart part;
  if (asked.is_empty()) {
    part.is_whole = true;
    return part;
  }
  for (const KeyInterval& each : readable_) {
    KeyInterval shown = intersection(asked, each);
    if (shown.is_empty()) continue;
    part.is_whole = part.is_whole || shown == asked;
    part.intervals.push_back(std::move(shown));
  }
  return part;
}

}  // namespace trellis
