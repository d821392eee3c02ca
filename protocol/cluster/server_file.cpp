#include "protocol/cluster/server_file.hpp"

#include <algorithm>

#include "protocol/endpoint.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

/// The words of a line, up to a comment.
std::vector<std::string_view> words_of(std::string_view line) {
  line = line.substr(0, line.find('#'));
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t start = line.find_first_not_of(kBlanks);
    if (start == std::string_view::npos) return words;
    line.remove_prefix(start);
    const std::size_t size = std::min(line.find_first_of(kBlanks), line.size());
    words.push_back(line.substr(0, size));
    line.remove_prefix(size);
  }
}

Result<std::string> read_line(const std::vector<std::string_view>& words) {
  if (words.size() != 2) {
    return invalid_argument("a line is `address port`, this one has " + std::to_string(words.size()) +
                            (words.size() == 1 ? " word" : " words"));
  }
  const auto port = read_port(words[1]);
  if (!port) return port.error();
  const auto endpoint = read_endpoint(std::string(words[0]) + ":" + std::to_string(*port));
  if (!endpoint) return invalid_argument("\"" + std::string(words[0]) + "\" is no address");
  return endpoint->text();
}

}  // namespace

Result<std::vector<std::string>> read_server_file(std::string_view text, std::string_view name) {
  std::vector<std::string> addresses;
  std::vector<std::size_t> lines;
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // Some editors write one in front.
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const auto wrong = [name](std::size_t line, const std::string& reason) {
    return invalid_argument(std::string(name) + ":" + std::to_string(line) + ": " + reason);
  };
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto words = words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.empty()) continue;
    auto address = read_line(words);
    if (!address) return wrong(number, address.error().message);
    if (const auto earlier = std::find(addresses.begin(), addresses.end(), *address); earlier != addresses.end()) {
      return wrong(number, *address + " stands in line " +
                               std::to_string(lines[static_cast<std::size_t>(earlier - addresses.begin())]) +
                               " already");
    }
    if (addresses.size() == kWorkersMax) {
      return wrong(number, "a cluster has at most " + std::to_string(kWorkersMax) + " workers");
    }
    addresses.push_back(std::move(*address));
    lines.push_back(number);
  }
  if (addresses.empty()) return invalid_argument(std::string(name) + ": no worker is listed; a line is `address port`");
  return addresses;
}

}  // namespace trellis
