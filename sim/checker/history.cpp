#include "sim/checker/history.hpp"

#include <charconv>
#include <istream>
#include <ostream>

namespace trellis::sim {
namespace {

constexpr std::string_view kMagic = "trellis-history 1";

/// Cuts a line into tokens: a word, a quoted string (unescaped), or name=value with either as value.
class LineReader {
 public:
  struct Token {
    std::string name;   ///< Empty where there is no '='.
    std::string value;  ///< Unescaped.
    bool is_quoted = false;
  };

  explicit LineReader(std::string_view line) : rest_(line) { skip_blanks(); }

  bool at_end() const { return rest_.empty(); }

  Result<Token> next() {
    if (at_end()) return invalid_argument("the line ends too early");
    Token token;
    if (rest_.front() != '"') {
      const std::size_t end = rest_.find_first_of(" \t\"=");
      const bool is_arrow = rest_.substr(0, 2) == "=>";
      const std::size_t size = is_arrow ? 2 : std::min(end, rest_.size());
      token.value = rest_.substr(0, size);
      rest_.remove_prefix(size);
      if (is_arrow || rest_.empty() || rest_.front() != '=') return finish(std::move(token));
      token.name = std::exchange(token.value, {});
      rest_.remove_prefix(1);
      if (rest_.empty() || rest_.front() != '"') {
        const std::size_t value_size = std::min(rest_.find_first_of(" \t"), rest_.size());
        token.value = rest_.substr(0, value_size);
        rest_.remove_prefix(value_size);
        return finish(std::move(token));
      }
    }
    token.is_quoted = true;
    Result<std::string> text = read_quoted();
    if (!text) return text.error();
    token.value = std::move(*text);
    return finish(std::move(token));
  }

 private:
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r"), rest_.size())); }

  Result<Token> finish(Token token) {
    if (!rest_.empty() && rest_.front() != ' ' && rest_.front() != '\t' && rest_.front() != '\r') {
      return invalid_argument("a blank is missing before " + std::string(rest_.substr(0, 10)));
    }
    skip_blanks();
    return token;
  }

  Result<std::string> read_quoted() {
    std::string out;
    rest_.remove_prefix(1);
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() != '\\') {
        out += rest_.front();
        rest_.remove_prefix(1);
        continue;
      }
      const Result<char> byte = read_escape();
      if (!byte) return byte.error();
      out += *byte;
    }
    if (rest_.empty()) return invalid_argument("a closing quote is missing");
    rest_.remove_prefix(1);
    return out;
  }

  Result<char> read_escape() {
    const char kind = rest_.size() > 1 ? rest_[1] : '\0';
    const std::size_t digits_at = kind == 'u' ? 4 : 2;
    if (kind == 'x' || (kind == 'u' && rest_.substr(2, 2) == "00")) {
      unsigned byte = 0;
      const std::string_view digits = rest_.substr(std::min(digits_at, rest_.size()), 2);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
      if (error == std::errc() && digits.size() == 2 && end == digits.data() + 2) {
        rest_.remove_prefix(digits_at + 2);
        return static_cast<char>(byte);
      }
    }
    constexpr std::string_view kKinds = "\"\\/bfnrt";
    constexpr std::string_view kBytes = "\"\\/\b\f\n\r\t";
    const std::size_t at = kKinds.find(kind);
    if (kind == '\0' || at == std::string_view::npos) {
      return invalid_argument("an escape that is none: " + std::string(rest_.substr(0, 6)));
    }
    rest_.remove_prefix(2);
    return kBytes[at];
  }

  std::string_view rest_;
};

using Token = LineReader::Token;

template <typename Integer>
Result<Integer> number_of(const Token& token) {
  Integer number{};
  const char* end = token.value.data() + token.value.size();
  const auto [stop, error] = std::from_chars(token.value.data(), end, number);
  if (token.is_quoted || error != std::errc() || stop != end) {
    return invalid_argument("a number should stand where there is " + quoted_bytes(token.value));
  }
  return number;
}

template <typename Integer, typename Target>
Result<void> take_number(const Token& token, Target& target) {
  const Result<Integer> number = number_of<Integer>(token);
  if (!number) return number.error();
  target = *number;
  return {};
}

/// Whether a document stands there, or the operations of a PATCH.
bool has_document(Command command) {
  return command == Command::kPut || command == Command::kSet || command == Command::kPatch;
}

bool is_checked(Command command) {
  return is_on_one_key(command) || command == Command::kKeys || command == Command::kScan || command == Command::kCount;
}

Result<void> take_option(const Token& token, Operation& out) {
  if (token.name == "if_version") return take_number<std::uint64_t>(token, out.if_version);
  if (token.name == "ttl") return take_number<std::uint64_t>(token, out.ttl_ms);
  if (token.name == "seq") return take_number<std::uint64_t>(token, out.seq);
  if (token.name == "item") return take_number<std::uint32_t>(token, out.item);
  if (token.name == "batch") return take_number<std::uint64_t>(token, out.batch);
  if (token.name == "limit") return take_number<std::size_t>(token, out.limit);
  if (token.name == "session") {
    out.session = token.value;
  } else if (token.name == "after") {
    out.after = token.value;
  } else if (token.name.empty() && !token.is_quoted && token.value == "if_absent") {
    out.if_absent = true;
  } else if (token.name.empty() && !token.is_quoted && token.value == "stale") {
    out.stale = true;
  } else {
    return invalid_argument("unknown option " + (token.name.empty() ? quoted_bytes(token.value) : token.name));
  }
  return {};
}

/// What stands between the key and "=>".
Result<void> take_arguments(LineReader& line, Operation& out) {
  if (has_document(out.command)) {
    const Result<Token> document = line.next();
    if (!document) return document.error();
    if (!document->is_quoted || !document->name.empty()) return invalid_argument("a document in quotes is missing");
    out.document = document->value;
  }
  while (true) {
    const Result<Token> token = line.next();
    if (!token) return token.error();
    if (!token->is_quoted && token->value == "=>") return {};
    const bool is_segment = out.command == Command::kQuery && token->name.empty();
    if (is_segment && token->is_quoted) {
      out.path.emplace_back(token->value);
    } else if (const Result<std::uint64_t> position = number_of<std::uint64_t>(*token); is_segment && position) {
      out.path.emplace_back(*position);
    } else if (const Result<void> taken = take_option(*token, out); !taken) {
      return taken.error();
    }
  }
}

/// A token of the result that is no info: what it is depends on the command.
Result<void> take_result(const Token& token, Operation& out) {
  const bool is_flag = !token.is_quoted && (token.value == "true" || token.value == "false");
  switch (out.command) {
    case Command::kPut:
    case Command::kSet:
    case Command::kHas:
    case Command::kExpire:
    case Command::kDelete:
      if (!is_flag || out.flag) return invalid_argument("the result is true or false");
      out.flag = token.value == "true";
      return {};
    case Command::kCount: return take_number<std::uint64_t>(token, out.count);
    case Command::kScan:
      if (!token.is_quoted) return invalid_argument("the result is keys and documents in quotes, in turn");
      (out.documents.size() < out.keys.size() ? out.documents : out.keys).push_back(token.value);
      return {};
    case Command::kKeys:
      if (!token.is_quoted) return invalid_argument("the result is keys in quotes");
      out.keys.push_back(token.value);
      return {};
    default:
      if (!token.is_quoted || out.found) return invalid_argument("the result is one document in quotes");
      out.found = token.value;
      return {};
  }
}

Result<void> take_reply(LineReader& line, Operation& out) {
  const Result<Token> status = line.next();
  if (!status) return status.error();
  if (status->value != "UNKNOWN") {
    out.status = code_of(status->value);
    if (!out.status) return invalid_argument("unknown status " + quoted_bytes(status->value));
  }
  while (!line.at_end()) {
    const Result<Token> token = line.next();
    if (!token) return token.error();
    if (token->name == "version") {
      if (const Result<void> taken = take_number<std::uint64_t>(*token, out.version); !taken) return taken.error();
    } else if (!token->name.empty()) {
      return invalid_argument("unknown info " + token->name);
    } else if (!token->is_quoted && token->value == "more") {
      out.more = true;
    } else if (!token->is_quoted && token->value == "unguaranteed") {
      out.guaranteed = false;
    } else if (!out.ok()) {
      return invalid_argument("a result with a status that has none");
    } else if (const Result<void> taken = take_result(*token, out); !taken) {
      return taken.error();
    }
  }
  return {};
}

/// Whether the pieces fit together, so that the checkers need not ask.
Result<void> check_whole(const Operation& operation) {
  if (operation.returned && *operation.returned < operation.call) return invalid_argument("it returns before its call");
  if (operation.status && !operation.returned) return invalid_argument("an answer without a time of return");
  if (operation.if_absent && operation.if_version) return invalid_argument("if_absent together with if_version");
  if (!operation.ok()) return {};
  const Command command = operation.command;
  const bool finds =
      command == Command::kGet || command == Command::kPop || command == Command::kQuery || command == Command::kPatch;
  if (finds && !operation.found) return invalid_argument("OK without the document");
  if (command == Command::kHas && !operation.flag) return invalid_argument("OK of HAS without true or false");
  if (command == Command::kScan && operation.documents.size() != operation.keys.size()) {
    return invalid_argument("a key without its document");
  }
  return {};
}

}  // namespace

Outcome Operation::outcome() const {
  if (!status) return Outcome::kUnknown;
  switch (*status) {
    case Code::kOk:
    case Code::kNotFound:
    case Code::kAlreadyExists: return Outcome::kDecided;
    case Code::kFailedPrecondition:
      if (is_write(command)) return if_version ? Outcome::kDecided : Outcome::kApplied;
      // A read among the writes of a BATCH: what it found is no longer known, as with those.
      return batch != 0 ? Outcome::kUnknown : Outcome::kDecided;
    case Code::kDeadlineExceeded:
    case Code::kInternal: return Outcome::kUnknown;
    default: return Outcome::kNothingDone;
  }
}

std::string quoted_bytes(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out + '"';
}

std::string to_text(const Operation& operation) {
  const auto time = [](TimePoint point) { return std::to_string(point.time_since_epoch().count()); };
  std::string out = time(operation.call) + ' ' + (operation.returned ? time(*operation.returned) : "-") + ' ' +
                    operation.client + ' ';
  out += name_of(operation.command);
  out += ' ' + quoted_bytes(operation.key);
  if (has_document(operation.command)) out += ' ' + quoted_bytes(operation.document);
  for (const Operation::Segment& segment : operation.path) {
    const auto* name = std::get_if<std::string>(&segment);
    out += ' ' + (name ? quoted_bytes(*name) : std::to_string(std::get<std::uint64_t>(segment)));
  }
  if (operation.if_absent) out += " if_absent";
  if (operation.if_version) out += " if_version=" + std::to_string(*operation.if_version);
  if (operation.ttl_ms) out += " ttl=" + std::to_string(*operation.ttl_ms);
  if (!operation.session.empty()) {
    out += " session=" + quoted_bytes(operation.session) + " seq=" + std::to_string(operation.seq);
  }
  if (operation.batch) out += " batch=" + std::to_string(operation.batch);
  if (operation.item) out += " item=" + std::to_string(operation.item);
  if (operation.stale) out += " stale";
  if (operation.limit != kPageKeysDefault) out += " limit=" + std::to_string(operation.limit);
  if (operation.after) out += " after=" + quoted_bytes(*operation.after);
  out += " => ";
  out += operation.status ? name_of(*operation.status) : "UNKNOWN";
  if (operation.flag) out += *operation.flag ? " true" : " false";
  if (operation.found) out += ' ' + quoted_bytes(*operation.found);
  for (std::size_t i = 0; i < operation.keys.size(); ++i) {
    out += ' ' + quoted_bytes(operation.keys[i]);
    if (operation.command == Command::kScan) out += ' ' + quoted_bytes(operation.documents[i]);
  }
  if (operation.command == Command::kCount && operation.ok()) out += ' ' + std::to_string(operation.count);
  if (operation.version) out += " version=" + std::to_string(*operation.version);
  if (operation.more) out += " more";
  if (!operation.guaranteed) out += " unguaranteed";
  return out;
}

Result<Operation> read_operation(std::string_view text) {
  LineReader line(text);
  Operation out;
  std::int64_t call = 0;
  for (const int field : {0, 1, 2, 3, 4}) {
    const Result<Token> token = line.next();
    if (!token) return token.error();
    if (!token->name.empty() || token->is_quoted != (field == 4)) {
      return invalid_argument("a line begins with call, return, client, command and the key in quotes");
    }
    if (field == 0) {
      if (const Result<void> taken = take_number<std::int64_t>(*token, call); !taken) return taken.error();
      out.call = TimePoint(Duration(call));
    } else if (field == 1 && token->value != "-") {
      if (const Result<void> taken = take_number<std::int64_t>(*token, call); !taken) return taken.error();
      out.returned = TimePoint(Duration(call));
    } else if (field == 2) {
      out.client = token->value;
    } else if (field == 3) {
      const std::optional<Command> command = command_of(token->value);
      if (!command || !is_checked(*command)) return invalid_argument("no command of a history: " + token->value);
      out.command = *command;
    } else if (field == 4) {
      out.key = token->value;
    }
  }
  if (const Result<void> taken = take_arguments(line, out); !taken) return taken.error();
  if (const Result<void> taken = take_reply(line, out); !taken) return taken.error();
  if (const Result<void> whole = check_whole(out); !whole) return whole.error();
  return out;
}

void write_history(std::ostream& out, const History& history) {
  out << kMagic << '\n';
  if (history.partitions) out << "partitions " << history.partitions << '\n';
  if (history.clock_drift) out << "drift " << history.clock_drift << '\n';
  for (const Operation& operation : history.operations) out << to_text(operation) << '\n';
}

Result<History> read_history(std::istream& in) {
  History history;
  std::string line;
  std::size_t number = 0;
  const auto wrong = [&](const std::string& what) {
    return invalid_argument("line " + std::to_string(number) + ": " + what);
  };
  while (std::getline(in, line)) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (number == 1) {
      if (line != kMagic) return wrong("a history begins with the line: " + std::string(kMagic));
      continue;
    }
    if (line.find_first_not_of(" \t") == std::string::npos || line.front() == '#') continue;
    if (line.rfind("partitions ", 0) == 0) {
      const Result<std::uint32_t> count = number_of<std::uint32_t>({{}, line.substr(11), false});
      if (!count) return wrong(count.error().message);
      if (*count == 0 || (*count & (*count - 1)) != 0) return wrong("the number of partitions is a power of two");
      history.partitions = *count;
      continue;
    }
    if (line.rfind("drift ", 0) == 0) {
      const Result<std::int64_t> drift = number_of<std::int64_t>({{}, line.substr(6), false});
      if (!drift) return wrong(drift.error().message);
      if (*drift < 0 || *drift >= 1'000'000) return wrong("the drift is 0 to 999999 millionths");
      history.clock_drift = *drift;
      continue;
    }
    Result<Operation> operation = read_operation(line);
    if (!operation) return wrong(operation.error().message);
    history.operations.push_back(*std::move(operation));
  }
  if (number == 0) return wrong("the file is empty");
  return history;
}

}  // namespace trellis::sim
