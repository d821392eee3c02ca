#include "cli/load/generate.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <random>
#include <unordered_map>

#include "protocol/json.hpp"
#include "protocol/limits.hpp"
#include "protocol/notation/notation.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

std::string_view next_word(std::string_view line, std::size_t& position) {
  skip_space(line, position);
  const std::size_t start = position;
  position = std::min(line.find_first_of(kBlanks, start), line.size());
  return line.substr(start, position - start);
}

Result<std::string> read_name(std::string_view line, std::size_t& position) {
  std::string name;
  if (line[position] == '"' || line[position] == '\'') {
    auto word = read_key(line, position);
    if (!word) return invalid_argument("column " + std::to_string(word.error().column) + ": " + word.error().reason);
    name = std::move(word->bytes);
  } else {
    name = next_word(line, position);
  }
  if (is_utf8(name)) return name;
  return invalid_argument("the name of a key is UTF-8 text");
}

Result<GeneratedKey> read_key_line(std::string_view line, std::size_t position) {
  auto name = read_name(line, position);
  if (!name) return name.error();
  const std::string_view type = next_word(line, position);
  const std::string_view more = next_word(line, position);
  if (type.empty() || (!more.empty() && !more.starts_with('#'))) {
    return invalid_argument(std::string(type.empty() ? "the type is missing" : "there is more than a name and a type") +
                            "; a line is `name type`, such as `age int`");
  }
  GeneratedKey key{std::move(*name), GeneratedKey::Type::kString};
  if (type == "string") return key;
  key.type = type == "int" ? GeneratedKey::Type::kInt : GeneratedKey::Type::kFloat;
  if (type == "int" || type == "float") return key;
  return invalid_argument(json_string(type.substr(0, 64)) + " is no type; string, int and float are");
}

}  // namespace

Result<std::vector<GeneratedKey>> read_key_file(std::string_view text, std::string_view name) {
  std::vector<GeneratedKey> keys;
  std::unordered_map<std::string, std::size_t> line_of;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::size_t position = 0;
    skip_space(line, position);
    if (position == line.size() || line[position] == '#') continue;
    const std::string place = std::string(name) + ":" + std::to_string(number) + ": ";
    auto key = read_key_line(line, position);
    if (!key) return invalid_argument(place + key.error().message);
    const auto [earlier, is_new] = line_of.emplace(key->name, number);
    if (!is_new) {
      return invalid_argument(place + "the key " + print_key(key->name) + " stands in line " +
                              std::to_string(earlier->second) + " already");
    }
    keys.push_back(std::move(*key));
  }
  if (keys.empty())
    return invalid_argument(std::string(name) + ": no key is listed; a line is `name type`, such as `age int`");
  return keys;
}

Result<void> check(const GenerateOptions& options) {
  constexpr std::uint32_t kStringMax = 1 << 20;
  const auto range = [](const char* flag, std::uint64_t low, std::uint64_t high) {
    return invalid_argument(std::string(flag) + " goes from " + std::to_string(low) + " to " + std::to_string(high));
  };
  if (options.keys.empty()) return invalid_argument("-k: no key is listed");
  if (options.depth_max >= static_cast<std::uint32_t>(kNestingMax)) return range("-d", 0, kNestingMax - 1);
  if (options.string_length_max < 1 || options.string_length_max > kStringMax) return range("-l", 1, kStringMax);
  return {};
}

namespace {

/// How a format writes what stands between the values.
struct Syntax {
  std::string_view before_key;  ///< A record's key.
  std::string_view after_key;
  std::string_view after_record;
  std::string_view open;
  std::string_view close;
  std::string_view empty;
  std::string_view separator;
};
constexpr Syntax kArrowSyntax = {"", " -> ", "\n", "[ ", " ]", "[]", " | "};
constexpr Syntax kJsonSyntax = {"{\"", "\": ", "}\n", "{", "}", "{}", ", "};

class Generator {
 public:
  Generator(const GenerateOptions& options)
      : options_(options),
        syntax_(options.format == GenerateOptions::Format::kJson ? kJsonSyntax : kArrowSyntax),
        random_(options.seed),
        keys_max_(static_cast<std::uint32_t>(std::min<std::size_t>(options.keys_max, options.keys.size()))) {
    for (const GeneratedKey& key : options.keys) {
      names_.push_back(options.format == GenerateOptions::Format::kJson ? json_string(key.name) + ": "
                                                                        : print_key(key.name) + " -> ");
    }
    // On average less than one key of a map holds a map, so that records stay small however deep they may be.
    nested_one_in_ = std::max(4u, keys_max_);
    std::vector<std::uint32_t> order(names_.size());
    std::iota(order.begin(), order.end(), 0u);
    orders_.assign(options.depth_max + 1, order);
  }

  void record(std::string& out, std::uint64_t number) {
    out.append(syntax_.before_key).append("key");
    append_number(out, number);
    out.append(syntax_.after_key);
    map(out, 0, std::min(1u, keys_max_));
    out.append(syntax_.after_record);
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  static void append_number(std::string& out, std::uint64_t number) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
  }

  void map(std::string& out, std::uint32_t depth, std::uint32_t keys_min) {
    const auto count = static_cast<std::uint32_t>(keys_min + below(keys_max_ - keys_min + 1));
    if (count == 0) {
      out.append(syntax_.empty);
      return;
    }
    // The first `count` of a shuffle; each depth has its own, since a map's is in use while the maps in it are made.
    std::vector<std::uint32_t>& order = orders_[depth];
    for (std::uint32_t i = 0; i < count; ++i) {
      std::swap(order[i], order[i + below(order.size() - i)]);
      out.append(i == 0 ? syntax_.open : syntax_.separator).append(names_[order[i]]);
      if (depth < options_.depth_max && below(nested_one_in_) == 0) {
        map(out, depth + 1, 0);
      } else {
        value(out, options_.keys[order[i]].type);
      }
    }
    out.append(syntax_.close);
  }

  void value(std::string& out, GeneratedKey::Type type) {
    switch (type) {
      case GeneratedKey::Type::kString: return string(out);
      case GeneratedKey::Type::kInt: return append_number(out, below(100'000));
      case GeneratedKey::Type::kFloat: return decimal(out);
    }
  }

  void string(std::string& out) {
    constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    constexpr int kLettersOfADraw = 10;  // 62^10 is below 2^64.
    out.push_back('"');
    std::uint64_t draw = 0;
    int left = 0;
    for (std::uint64_t length = 1 + below(options_.string_length_max); length > 0; --length) {
      if (left-- == 0) {
        draw = random_();
        left = kLettersOfADraw - 1;
      }
      out.push_back(kLetters[draw % kLetters.size()]);
      draw /= kLetters.size();
    }
    out.push_back('"');
  }

  /// 0.0 to 999.9999, with as many decimals as it takes: the shortest digits of the float64 that it is.
  void decimal(std::string& out) {
    constexpr std::uint64_t kScale = 10'000;
    const std::uint64_t scaled = below(1'000 * kScale);
    append_number(out, scaled / kScale);
    std::string decimals = std::to_string(kScale + scaled % kScale);
    decimals.front() = '.';
    decimals.erase(std::max<std::size_t>(2, decimals.find_last_not_of('0') + 1));
    out.append(decimals);
  }

  const GenerateOptions& options_;
  const Syntax& syntax_;
  std::mt19937_64 random_;
  std::vector<std::string> names_;  ///< As written, with the arrow or colon.
  std::vector<std::vector<std::uint32_t>> orders_;
  std::uint32_t keys_max_;
  std::uint64_t nested_one_in_ = 4;
};

}  // namespace

bool generate(const GenerateOptions& options, const std::function<bool(std::string_view lines)>& write) {
  constexpr std::size_t kChunk = 1 << 18;
  Generator generator(options);
  std::string lines;
  for (std::uint64_t number = 1; number <= options.records; ++number) {
    generator.record(lines, number);
    if (lines.size() < kChunk) continue;
    if (!write(lines)) return false;
    lines.clear();
  }
  return lines.empty() || write(lines);
}

}  // namespace trellis
