// Random packed documents, for round trips: every type, awkward numbers and texts, nested and empty containers.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <random>
#include <string>

#include "protocol/packed.hpp"

namespace trellis::testing {

class RandomDocuments {
 public:
  explicit RandomDocuments(std::uint64_t seed) : random_(seed) {}

  std::string next() {
    std::string out;
    PackedWriter writer(out);
    value(writer, 4);
    return out;
  }

  /// 1 to 12 bytes of any kind.
  std::string key() {
    std::string out;
    if (below(2) == 0) {
      do out = text();
      while (out.empty());
      return out;
    }
    for (std::uint64_t left = 1 + below(12); left > 0; --left) out.push_back(static_cast<char>(random_()));
    return out;
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

 private:
  std::string text() {
    static constexpr const char* kPieces[] = {"a",
                                              "Z",
                                              "7",
                                              "_",
                                              "-",
                                              "--",
                                              " ",
                                              "\"",
                                              "'",
                                              "\\",
                                              "|",
                                              "->",
                                              ":",
                                              ";",
                                              ",",
                                              "[",
                                              "]",
                                              "(",
                                              ")",
                                              "{",
                                              "}",
                                              "\n",
                                              "\t",
                                              "\x01",
                                              "\x7f",
                                              "true",
                                              "nan",
                                              "12",
                                              "$",
                                              ".",
                                              "/",
                                              "\xc3\xa9",
                                              "\xc2\x85",
                                              "\xe2\x80\x9c",
                                              "\xe2\x80\xa8",
                                              "\xe2\x82\xac",
                                              "\xf0\x9f\x98\x80"};
    std::string out;
    for (std::uint64_t left = below(5); left > 0; --left) out += kPieces[below(std::size(kPieces))];
    if (below(8) == 0) out.push_back('\0');
    return out;
  }

  double number() {
    static constexpr double kNumbers[] = {0.0, -0.0, 1.0, 2.0, 1e21, 1e-7, 0.1, 1e300, 5e-324, 1.7976931348623157e308};
    switch (below(4)) {
      case 0: return kNumbers[below(std::size(kNumbers))];
      case 1: return static_cast<double>(static_cast<std::int64_t>(random_()));
      case 2: return std::numeric_limits<double>::infinity() * (below(2) == 0 ? 1 : -1);
      default: {
        const double value = std::bit_cast<double>(random_());
        return std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value;
      }
    }
  }

  void value(PackedWriter& writer, int depth) {
    switch (below(depth > 0 ? 11 : 8)) {
      case 0: writer.nil(); break;
      case 1: writer.boolean(below(2) == 0); break;
      case 2: writer.integer(static_cast<std::int64_t>(random_()) >> below(64)); break;
      case 3: writer.natural(random_() >> below(64)); break;
      case 4: writer.float64(number()); break;
      case 5: writer.str(text()); break;
      case 6: writer.bin(text()); break;
      case 7: writer.natural(std::numeric_limits<std::uint64_t>::max() - below(2)); break;
      case 8: array(writer, depth); break;
      default: map(writer, depth); break;
    }
  }

  void array(PackedWriter& writer, int depth) {
    const std::uint64_t count = below(4) == 0 ? below(20) : below(4);
    writer.array(count);
    for (std::uint64_t i = 0; i < count; ++i) value(writer, depth - 1);
  }

  void map(PackedWriter& writer, int depth) {
    const std::uint64_t count = below(4) == 0 ? below(20) : below(4);
    writer.map(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      // The number makes them differ.
      std::string name = below(6) == 0 ? "$" : "";
      name += text() + "." + std::to_string(i);
      writer.str(count == 1 && below(2) == 0 ? "$" + text() : name);
      value(writer, depth - 1);
    }
  }

  std::mt19937_64 random_;
};

}  // namespace trellis::testing
