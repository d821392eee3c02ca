// Documents and keys as GET prints them.
#include <cmath>

#include "protocol/notation/notation.hpp"
#include "protocol/notation/notation_text.hpp"
#include "protocol/notation/notation_walk.hpp"

namespace trellis {
namespace {

void append_key(std::string& out, std::string_view key) {
  // A bare -- in front would make it an option of the shell.
  if (is_key_text(key) && !key.starts_with("--")) {
    out.append(key);
  } else {
    append_quoted(out, key, true);
  }
}

void append_number(std::string& out, double value) {
  if (std::isfinite(value)) {
    append_float(out, value);
  } else {
    out.append(print_number(value));
  }
}

class ArrowPrinter {
 public:
  explicit ArrowPrinter(std::string& out) : out_(out) {}

  void open(const PackedToken& token, const PackedReader&) {
    const bool is_map = token.type == PackedType::kMap;
    out_.append(is_map ? "[" : "(");
    if (token.count > 0) out_.push_back(' ');
  }
  void close(bool is_map, std::uint32_t count) {
    if (count > 0) out_.push_back(' ');
    out_.append(is_map ? "]" : ")");
  }
  void separator(bool) { out_.append(" | "); }
  void key(std::string_view bytes) {
    append_key(out_, bytes);
    out_.append(" -> ");
  }
  void scalar(const PackedToken& token) {
    switch (token.type) {
      case PackedType::kBool: out_.append(token.boolean ? "true" : "false"); break;
      case PackedType::kInt: out_.append(std::to_string(token.integer)); break;
      case PackedType::kUint: out_.append(std::to_string(token.natural)); break;
      case PackedType::kFloat32:
      case PackedType::kFloat64: append_number(out_, token.number); break;
      case PackedType::kStr: append_quoted(out_, token.bytes); break;
      case PackedType::kBin: out_.append("bytes(\"").append(to_base64(token.bytes)).append("\")"); break;
      default: out_.append("null"); break;
    }
  }

 private:
  std::string& out_;
};

}  // namespace

std::string print_value(std::string_view packed) {
  std::string out;
  ArrowPrinter printer(out);
  walk_packed(packed, printer);
  return out;
}

std::string print_key(std::string_view key) {
  std::string out;
  append_key(out, key);
  return out;
}

std::string print_record(std::string_view key, std::string_view packed) {
  std::string out;
  append_key(out, key);
  out.append(" -> ");
  ArrowPrinter printer(out);
  walk_packed(packed, printer);
  return out;
}

}  // namespace trellis
