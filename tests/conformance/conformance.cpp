// The C++ library against requests.jsonl: client_conformance REQUESTS BROKER... asks for all of it, round after round,
// until its standard input ends.  It prints the number of rounds; what differs goes to standard error, and the exit
// code is 1.
#include <poll.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>

#include "client/public/trellis/client.hpp"

namespace trellis::client {
namespace {

using Json = nlohmann::ordered_json;

std::string read_base64(const std::string& text) {
  static const std::string kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<std::uint32_t>(kDigits.find(c));
    held += 6;
    if (held >= 8) bytes.push_back(static_cast<char>(bits >> (held -= 8)));
  }
  return bytes;
}

std::string read_text(const std::string& text, const std::string& prefix) {
  return text.starts_with("~") ? prefix + text.substr(1) : text;
}

/// The value that stands for this one of the file.
Value read_value(const Json& json, const std::string& prefix) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_unsigned()) return json.get<std::uint64_t>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_string()) return read_text(json.get<std::string>(), prefix);
  if (json.is_array()) {
    Array array;
    for (const Json& element : json) array.push_back(read_value(element, prefix));
    return array;
  }
  if (!json.is_object()) return nullptr;
  if (json.size() == 1 && json.contains("$binary")) return Bytes{read_base64(json["$binary"])};
  Map map;
  for (const auto& [key, held] : json.items()) map.emplace_back(key, read_value(held, prefix));
  return map;
}

/// Whether they are equal in type and value, or the file leaves it open.
bool matches(const Value& expected, const Value& seen) {
  const std::string open = expected.as_text() == nullptr ? "" : *expected.as_text();
  if (open == "$version") return seen.as_uint().value_or(0) > 0;
  if (open == "$text") return seen.as_text() != nullptr && !seen.as_text()->empty();
  if (const Array* const array = expected.as_array(); array != nullptr && seen.as_array() != nullptr) {
    return std::equal(array->begin(), array->end(), seen.as_array()->begin(), seen.as_array()->end(), matches);
  }
  if (const Map* const map = expected.as_map(); map != nullptr && seen.as_map() != nullptr) {
    return std::equal(map->begin(), map->end(), seen.as_map()->begin(), seen.as_map()->end(),
                      [](const auto& one, const auto& other) {
                        return one.first == other.first && matches(one.second, other.second);
                      });
  }
  return expected == seen;
}

constexpr std::pair<Code, const char*> kStatuses[] = {
    {Code::kInvalidArgument, "INVALID_ARGUMENT"}, {Code::kNotFound, "NOT_FOUND"},
    {Code::kAlreadyExists, "ALREADY_EXISTS"},     {Code::kFailedPrecondition, "FAILED_PRECONDITION"},
    {Code::kExactlyOnce, "FAILED_PRECONDITION"},
};

std::string status_of(const Error& error) {
  for (const auto& [code, name] : kStatuses) {
    if (code == error.code) return name;
  }
  return "another error";
}

/// Those fields of a reply's info that an answer without a warning can have.
Map info_of(const Answer<Value>& answer) {
  Map info;
  if (answer.version) info.emplace_back("version", *answer.version);
  if (answer.more) info.emplace_back("more", true);
  for (const std::string& warning : answer.warnings) info.emplace_back("warning", warning);
  return info;
}

class Round {
 public:
  Round(Client& client, std::uint64_t number)
      : client_(client), prefix_("conformance:" + std::to_string(number) + ":") {}

  /// What differs from the line, or nothing.
  std::optional<std::string> ask(const Json& line) {
    const Value arguments = read_value(line["arguments"], prefix_);
    const auto answer = client_.call(command(line["command"], *arguments.as_array(), read_options(line)));
    const std::string status = line.value("status", "OK");
    if (!answer) {
      const Error& error = answer.error();
      const bool is_it = status_of(error) == status && error.exactly_once == line.value("exactly_once", "");
      return is_it && !error.message.empty() ? std::nullopt : std::optional(status_of(error) + ": " + error.message);
    }
    if (answer->version) version_ = *answer->version;
    const bool is_it = status == "OK" && matches(read_value(line["result"], prefix_), answer->result) &&
                       matches(read_value(line.value("info", Json::object()), prefix_), info_of(*answer));
    return is_it ? std::nullopt : std::optional<std::string>("another result or info");
  }

 private:
  Options read_options(const Json& line) const {
    Options options;
    const Json given = line.value("options", Json::object());
    for (const auto& [name, value] : given.items()) {
      if (name == "if_absent") options.if_absent = value;
      if (name == "if_present") options.if_present = value;
      if (name == "strict") options.strict = value;
      if (name == "return") options.return_document = value == "document";
      if (name == "pointer") options.pointer = value;
      if (name == "if_version") options.if_version = value.is_string() ? version_ : value.get<std::uint64_t>();
      if (name == "consistency") options.stale = value == "stale";
      if (name == "session") options.session = read_text(value, prefix_);
      if (name == "seq") options.seq = value;
      if (name == "at_least") options.at_least = read_text(value, prefix_);
      if (name == "below") options.below = read_text(value, prefix_);
      if (name == "match") options.match = read_text(value, prefix_);
      if (name == "reverse") options.reverse = value;
    }
    return options;
  }

  Client& client_;
  std::string prefix_;
  std::uint64_t version_ = 0;
};

bool has_input() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return poll(&input, 1, 0) > 0;
}

std::vector<Json> read_requests(const char* path) {
  std::ifstream file(path);
  std::vector<Json> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) continue;
    Json read = Json::parse(line);
    if (read.contains("command")) lines.push_back(std::move(read));
  }
  return lines;
}

int run(const char* requests, std::vector<std::string> brokers) {
  const std::vector<Json> lines = read_requests(requests);
  Client client(std::move(brokers), {.timeout = std::chrono::seconds(30)});
  std::random_device random;
  int rounds = 0;
  int faults = 0;
  for (; !has_input(); ++rounds) {
    Round round(client, static_cast<std::uint64_t>(random()) << 32 | random());
    for (const Json& line : lines) {
      const auto differs = round.ask(line);
      if (!differs) continue;
      std::cerr << "round " << rounds << ": " << line << "\n  was answered " << *differs << "\n";
      ++faults;
    }
  }
  std::cout << rounds << "\n";
  return faults == 0 ? 0 : 1;
}

}  // namespace
}  // namespace trellis::client

int main(int count, char** words) {
  if (count < 3) {
    std::cerr << "client_conformance REQUESTS BROKER...\n";
    return 2;
  }
  return trellis::client::run(words[1], {words + 2, words + count});
}
