#include "client/statement/printer.hpp"

#include <algorithm>
#include <utility>

#include "client/statement/help.hpp"
#include "client/statement/report_text.hpp"
#include "protocol/json.hpp"
#include "protocol/lifetime.hpp"
#include "protocol/notation/notation.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

std::string status_line(std::string_view status, std::string_view message) {
  return "{\"status\": " + json_string(status) + ", \"message\": " + json_string(message) + "}\n";
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
    case ResultType::kUsers:
    case ResultType::kRoles:
    case ResultType::kChanges: return print_value(result) + "\n";
    case ResultType::kNumber:
    case ResultType::kCount: return number_text(result);
    case ResultType::kTimeLeft: return time_left_text(result);
    case ResultType::kMembers: return members_text(result);
    case ResultType::kSettings: return status_text(result);
    case ResultType::kLocation: return location_text(result);
    case ResultType::kStatus: return status_text(result);
    case ResultType::kMoves: return moves_text(result);
    case ResultType::kRecovery: return recovery_text(result);
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
      is_plan_(statement.options.dry_run),
      left_(statement.limit) {
  range_.reverse = statement.range.reverse;
}

Printed Printer::on_reply(const Reply& reply) {
  Printed out;
  warnings(reply.info, out);
  more_ = false;
  guaranteed_ = guaranteed_ && reply.info.guaranteed;
  filtered_ = filtered_ || reply.info.filtered;
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
  if (info.filtered) warning("only keys that this user may read are in the answer", out);
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
  if (type == ResultType::kBoolean && !is_plan_) return boolean(reply, out);
  if (change_) return changed(reply, out);
  if (type == ResultType::kKeys || type == ResultType::kRecords) return page(reply, out);
  const auto text = is_plan_ ? plan_text(reply.result) : result_text(type, text_, reply.result);
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
  if (filtered_) out += ", \"filtered\": true";
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
