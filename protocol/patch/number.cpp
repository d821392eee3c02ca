#include "protocol/patch/number.hpp"

#include <cmath>
#include <cstdint>

namespace trellis {
namespace {

/// Wide enough for every sum of two integers of documents.
__extension__ using Wide = __int128;

bool is_integer(const PackedToken& token) { return token.type == PackedType::kInt || token.type == PackedType::kUint; }

Wide integer_of(const PackedToken& token) {
  return token.type == PackedType::kInt ? Wide{token.integer} : Wide{token.natural};
}

double float_of(const PackedToken& token) {
  if (token.type == PackedType::kInt) return static_cast<double>(token.integer);
  return token.type == PackedType::kUint ? static_cast<double>(token.natural) : token.number;
}

bool is_integer_and_float(const PackedToken& integer, double number) {
  constexpr double kBound = 18446744073709551616.0;  // 2^64: within it each whole float converts exactly.
  if (!(std::fabs(number) <= kBound) || std::trunc(number) != number) return false;
  return static_cast<Wide>(number) == integer_of(integer);
}

}  // namespace

bool is_number(const PackedToken& token) {
  return is_integer(token) || token.type == PackedType::kFloat32 || token.type == PackedType::kFloat64;
}

bool are_equal_numbers(const PackedToken& a, const PackedToken& b) {
  if (is_integer(a) && is_integer(b)) return integer_of(a) == integer_of(b);
  if (is_integer(a)) return is_integer_and_float(a, b.number);
  if (is_integer(b)) return is_integer_and_float(b, a.number);
  return a.number == b.number || (std::isnan(a.number) && std::isnan(b.number));
}

std::optional<std::string> packed_sum(const PackedToken& a, const PackedToken& b) {
  std::string packed;
  PackedWriter writer(packed);
  if (!is_integer(a) || !is_integer(b)) {
    writer.float64(float_of(a) + float_of(b));
    return packed;
  }
  const Wide sum = integer_of(a) + integer_of(b);
  if (sum < Wide{INT64_MIN} || sum > Wide{UINT64_MAX}) return std::nullopt;
  sum < 0 ? writer.integer(static_cast<std::int64_t>(sum)) : writer.natural(static_cast<std::uint64_t>(sum));
  return packed;
}

}  // namespace trellis
