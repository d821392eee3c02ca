#include "client/statement/printer.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "client/statement/help.hpp"
#include "protocol/json.hpp"
#include "protocol/lifetime.hpp"
#include "protocol/notation/notation.hpp"
#include "protocol/packed.hpp"
#include "protocol/reports.hpp"

namespace trellis {
namespace {

/// Text of a reply, as it is where it is one line of UTF-8 and else with escapes: a terminal shows what was sent.
std::string one_line(std::string_view text) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (is_utf8(text) && std::none_of(text.begin(), text.end(), is_control)) return std::string(text);
  const std::string quoted = json_string(text);
  return quoted.substr(1, quoted.size() - 2);
}

std::string status_line(std::string_view status, std::string_view message) {
  return "{\"status\": " + json_string(status) + ", \"message\": " + json_string(message) + "}\n";
}

std::string count_text(std::optional<std::uint64_t> count) { return count ? std::to_string(*count) : "-"; }

/// 3 digits or so: 512 B, 1.5 KiB, 2.0 GiB.
std::string size_text(std::optional<std::uint64_t> bytes) {
  if (!bytes) return "-";
  if (*bytes < 1024) return std::to_string(*bytes) + " B";
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double size = static_cast<double>(*bytes) / 1024;
  std::size_t unit = 0;
  while (size >= 1023.95 && unit + 1 < kUnits.size()) {
    size /= 1024;
    ++unit;
  }
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.1f %s", size, kUnits[unit]);
  return text.data();
}

std::string ago_text(std::optional<std::uint64_t> milliseconds) {
  if (!milliseconds) return "-";
  if (*milliseconds < 1000) return std::to_string(*milliseconds) + " ms ago";
  const std::uint64_t seconds = *milliseconds / 1000;
  if (seconds < 10) return std::to_string(seconds) + "." + std::to_string(*milliseconds / 100 % 10) + " s ago";
  if (seconds < 120) return std::to_string(seconds) + " s ago";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min ago";
  return std::to_string(seconds / 3600) + " h ago";
}

/// Rows of equally many cells, the first one the heading, in columns two blanks apart.
std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t first_right_aligned) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      if (i > 0) line += "  ";
      line += i < first_right_aligned ? row[i] + padding : padding + row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

/// leaving, 5 moves left
std::string membership_text(const MemberReport& member) {
  if (!member.membership) return "-";
  const std::uint64_t left = member.moves_left.value_or(0);
  if (left == 0) return one_line(*member.membership);
  return one_line(*member.membership) + ", " + std::to_string(left) + (left == 1 ? " move left" : " moves left");
}

std::optional<std::string> members_text(std::string_view result) {
  const auto members = read_member_reports(result);
  if (!members) return std::nullopt;
  std::vector<std::vector<std::string>> rows = {
      {"id", "address", "state", "membership", "last heartbeat", "partitions", "leads", "keys", "size"}};
  for (const MemberReport& member : *members) {
    rows.push_back({one_line(member.id), one_line(member.address), one_line(member.state), membership_text(member),
                    ago_text(member.last_heartbeat_ms), count_text(member.partitions), count_text(member.leads),
                    count_text(member.keys), size_text(member.bytes)});
  }
  return table(rows, 4);
}

/// partition 7, leader 127.0.0.1:9002, replicas 127.0.0.1:9001 127.0.0.1:9002 127.0.0.1:9003
std::optional<std::string> location_text(std::string_view result) {
  const auto location = read_location_report(result);
  if (!location || location->replicas.empty()) return std::nullopt;
  const auto address = [&location](std::string_view id) { return one_line(location->address_of(id)); };
  std::string out = "partition " + std::to_string(location->partition) + ", leader " +
                    (location->leader ? address(*location->leader) : "none") + ", replicas";
  for (const std::string& id : location->replicas) out += " " + address(id);
  return out + "\n";
}

/// All that the broker tells, also what this client has never heard of.
std::optional<std::string> status_text(std::string_view result) {
  PackedReader reader(result);
  const auto count = reader.read_map();
  if (!count) return std::nullopt;
  std::string out;
  for (std::uint32_t left = *count; left > 0; --left) {
    const auto name = reader.read_bytes();
    const auto value = reader.read_value();
    if (!name || !value) break;
    const auto text = PackedReader(*value).read_str();
    out.append(one_line(*name)).append(": ").append(text ? one_line(*text) : print_value(*value)).append("\n");
  }
  return out;
}

std::optional<std::string> number_text(std::string_view result) {
  const auto token = PackedReader(result).peek();
  if (!token) return std::nullopt;
  switch (token->type) {
    case PackedType::kFloat32:
    case PackedType::kFloat64: return print_number(token->number) + "\n";
    case PackedType::kInt:
    case PackedType::kUint: return print_value(result) + "\n";
    default: return std::nullopt;
  }
}

std::optional<std::string> time_left_text(std::string_view result) {
  PackedReader reader(result);
  if (reader.read_nil()) return "for good\n";
  const auto left = reader.read_uint();
  return left ? std::optional(seconds_text(*left) + "s\n") : std::nullopt;
}

/// What people see of a result that is neither a boolean nor a page; nothing where it is not as the protocol says.
std::optional<std::string> result_text(ResultType type, std::string_view text, std::string_view result) {
  switch (type) {
    case ResultType::kDocument: return std::string(text) + " -> " + print_value(result) + "\n";
    case ResultType::kChanges: return print_value(result) + "\n";
    case ResultType::kNumber:
    case ResultType::kCount: return number_text(result);
    case ResultType::kTimeLeft: return time_left_text(result);
    case ResultType::kMembers: return members_text(result);
    case ResultType::kSettings: return status_text(result);
    case ResultType::kLocation: return location_text(result);
    case ResultType::kStatus: return status_text(result);
    case ResultType::kText: {
      const auto line = PackedReader(result).read_str();
      if (!line) return std::nullopt;
      return one_line(*line) + "\n";
    }
    case ResultType::kBoolean:
    case ResultType::kKeys:
    case ResultType::kRecords:
    case ResultType::kItems: break;
  }
  return std::nullopt;
}

/// A broker's warning in the words of docs/commands.md, which calls the replication factor k.
std::string in_short(std::string warning) {
  constexpr std::string_view kLong = "replication factor k=";
  if (const auto at = warning.find(kLong); at != std::string::npos) warning.replace(at, kLong.size(), "k=");
  return warning;
}

}  // namespace

int exit_code_of(Code code) {
  switch (code) {
    case Code::kOk: return kExitDone;
    case Code::kNotFound: return kExitNotFound;
    case Code::kInvalidArgument: return kExitUsage;
    case Code::kUnavailable:
    case Code::kDeadlineExceeded: return kExitUnavailable;
    default: return kExitOther;
  }
}

Printer::Printer(const Statement& statement, bool json)
    : command_(statement.command),
      kind_(statement.kind),
      subject_(statement.subject),
      text_(statement.text),
      change_(statement.change),
      asks_presence_(statement.asks_presence),
      json_(json || statement.json),
      info_(statement.info),
      left_(statement.limit) {
  range_.reverse = statement.range.reverse;
}

Printed Printer::on_reply(const Reply& reply) {
  Printed out;
  warnings(reply.info, out);
  more_ = false;
  guaranteed_ = guaranteed_ && reply.info.guaranteed;
  if (asks_presence_ && (reply.status == Code::kOk || reply.status == Code::kNotFound)) {
    presence(reply, out);
  } else if (reply.status == Code::kOk) {
    result(reply, out);
  } else {
    fail(reply.status, reply.info.message, out);
  }
  return out;
}

Printed Printer::on_local() {
  Printed out;
  if (kind_ != Statement::Kind::kHelp) return out;
  const auto text = help_text(subject_);
  if (!text) {
    fail(text.error().code, text.error().message, out);
  } else {
    out.out = json_ ? json_string(*text) + "\n" : *text;
  }
  return out;
}

std::optional<std::string> Printer::next_page() const {
  if (!more_) return std::nullopt;
  return pack_page(subject_, std::min<std::uint64_t>(left_.value_or(kPageKeysDefault), kPageKeysDefault), last_key_);
}

void Printer::warnings(const ReplyInfo& info, Printed& out) {
  for (const std::string& text : info.warnings) warning(json_ ? text : in_short(text), out);
  if (!info.guaranteed && info.warnings.empty()) warning("this answer could not be confirmed by a majority", out);
  if (info.missing_partitions.empty()) return;
  std::string list;
  for (const std::uint32_t partition : info.missing_partitions) {
    list += (list.empty() ? "" : ", ") + std::to_string(partition);
  }
  warning("no replica is left of partition " + list + ": its keys are missing from the answer", out);
}

void Printer::warning(const std::string& text, Printed& out) {
  if (std::find(warned_.begin(), warned_.end(), text) != warned_.end()) return;
  warned_.push_back(text);
  out.err += json_ ? status_line("WARNING", text) : "WARNING: " + one_line(text) + "\n";
}

void Printer::fail(Code code, const std::string& message, Printed& out) {
  exit_code_ = exit_code_of(code);
  if (json_) {
    if (page_begun_) {
      end_json_page(out);
    } else {
      out.out += framed("null") + "\n";
    }
  }
  // A formula that cannot be evaluated is wrong; for other commands the absence of a key is an answer.
  if (code == Code::kNotFound && command_ != Command::kCompute && !json_) {
    out.out += "NOT FOUND\n";
    return;
  }
  constexpr std::string_view kUnreliable = "DELETE cannot be reliably executed";
  std::string text = message.empty() ? std::string(name_of(code)) : message;
  if (command_ == Command::kDelete && code == Code::kUnavailable && !text.starts_with(kUnreliable)) {
    text = std::string(kUnreliable) + ": " + text;
  }
  out.err += json_ ? status_line(name_of(code), text) : "ERROR: " + one_line(text) + "\n";
}

void Printer::malformed(Printed& out) {
  fail(Code::kInternal, "the reply to " + std::string(name_of(command_)) + " is not as docs/protocol.md says", out);
}

void Printer::result(const Reply& reply, Printed& out) {
  const ResultType type = row_of(command_).result;
  if (type == ResultType::kBoolean) return boolean(reply, out);
  if (change_) return changed(reply, out);
  if (type == ResultType::kKeys || type == ResultType::kRecords) return page(reply, out);
  const auto text = result_text(type, text_, reply.result);
  if (!text) return malformed(out);
  if (json_) {
    out.out += framed(to_json(reply.result), reply.info) + "\n";
    return;
  }
  out.out += *text + version_line(reply.info);
}

std::string Printer::version_line(const ReplyInfo& info) const {
  if (!info_) return "";
  std::string lines;
  if (info.version) lines += "version: " + std::to_string(*info.version) + "\n";
  if (info.ttl_ms) lines += "ttl: " + seconds_text(*info.ttl_ms) + "s\n";
  return lines;
}

/// A result as --json prints it: alone, or with --info beside what the reply says of it.
std::string Printer::framed(std::string_view json, const ReplyInfo& info) const {
  if (!info_) return std::string(json);
  std::string out = "{\"result\": " + std::string(json);
  if (info.version) out += ", \"version\": " + std::to_string(*info.version);
  if (info.ttl_ms) out += ", \"ttl_ms\": " + std::to_string(*info.ttl_ms);
  if (!guaranteed_) out += ", \"guaranteed\": false";
  return out + "}";
}

void Printer::boolean(const Reply& reply, Printed& out) {
  const auto value = PackedReader(reply.result).read_bool();
  if (!value) return malformed(out);
  const CommandRow& row = row_of(command_);
  const bool is_put = row.signature == Signature::kRecord || row.effect == Effect::kManages;  // Whose false is fine.
  if (!*value && !is_put) exit_code_ = kExitNotFound;
  if (json_) {
    out.out += framed(*value ? "true" : "false", reply.info) + "\n";
    return;
  }
  if (is_read(command_)) {
    out.out += *value ? "true\n" : "false\n";
  } else {
    out.out += *value || is_put ? "OK\n" : "NOT FOUND\n";
  }
  out.out += version_line(reply.info);
}

/// HAS of a path.
void Printer::presence(const Reply& reply, Printed& out) {
  const bool is_there = reply.status == Code::kOk;
  if (!is_there) exit_code_ = kExitNotFound;
  const std::string_view text = is_there ? "true" : "false";
  out.out += json_ ? framed(text, reply.info) + "\n" : std::string(text) + "\n" + version_line(reply.info);
}

/// A change of one place: what the one operation came to.
void Printer::changed(const Reply& reply, Printed& out) {
  PackedReader reader(reply.result);
  if (reader.read_array() != 1u) return malformed(out);
  const auto result = reader.read_value();
  if (!result) return malformed(out);
  const auto flag = PackedReader(*result).read_bool();
  const bool takes_away = change_ == PatchKind::kRemove || change_ == PatchKind::kPop;
  const bool is_nothing = takes_away && (change_ == PatchKind::kPop ? PackedReader(*result).read_nil() : flag == false);
  if (is_nothing) exit_code_ = kExitNotFound;
  if (json_) {
    out.out += framed(to_json(*result), reply.info) + "\n";
    return;
  }
  if (is_nothing) {
    out.out += "NOT FOUND\n";
  } else if (change_ == PatchKind::kPop) {
    out.out += text_ + " -> " + print_value(*result) + "\n";
  } else {
    out.out += flag ? "OK\n" : print_value(*result) + "\n";
  }
  out.out += version_line(reply.info);
}

void Printer::page(const Reply& reply, Printed& out) {
  const bool has_documents = row_of(command_).result == ResultType::kRecords;
  PackedReader reader(reply.result);
  const auto count = reader.read_array();
  if (!count) return malformed(out);
  for (std::uint32_t left = *count; left > 0; --left) {
    const auto element = reader.read_value();
    if (!element) return malformed(out);
    PackedReader record(*element);
    if (has_documents && record.read_array() != 2u) return malformed(out);
    const auto key = record.read_bytes();
    if (!key || (last_key_ && !range_.is_before(*last_key_, *key))) return malformed(out);
    if (json_) {
      if (!page_begun_) out.out += info_ ? "{\"result\": [" : "[";
      out.out += (page_begun_ ? ", " : "") + to_json(*element);
      page_begun_ = true;
    } else if (has_documents) {
      out.out += print_record(*key, element->substr(record.position())) + "\n";
    } else {
      out.out += print_key(*key) + "\n";
    }
    last_key_ = *key;
  }
  if (reply.info.more && *count == 0 && !reply.info.after) return malformed(out);
  if (reply.info.after) last_key_ = *reply.info.after;
  if (left_) *left_ -= std::min<std::uint64_t>(*left_, *count);
  more_ = reply.info.more && left_ != 0u;
  if (json_ && !more_) end_json_page(out);
}

void Printer::end_json_page(Printed& out) {
  // What `framed` puts in front of the list stands there already once a page has begun.
  constexpr std::string_view kEmpty = "[]";
  const std::string whole = framed(kEmpty);
  out.out += page_begun_ ? whole.substr(whole.find(kEmpty) + 1) : whole;
  out.out += "\n";
  page_begun_ = false;
}

Printed print_error(const Error& error, bool json) {
  Printed out;
  if (json) out.out = "null\n";
  out.err = json ? status_line(name_of(error.code), error.message) : "ERROR: " + one_line(error.message) + "\n";
  return out;
}

}  // namespace trellis
