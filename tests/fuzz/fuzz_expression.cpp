// COMPUTE's formulas over three variables: a finite number, or an error that says what is wrong.
#include <cmath>

#include "broker/merge/expression.hpp"
#include "protocol/check.hpp"
#include "protocol/packed.hpp"
#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  auto expression = Expression::parse(text_of(data, size), {"x", "y", "long_name_2"});
  if (!expression) {
    CHECK(expression.error().code == Code::kInvalidArgument && !expression.error().message.empty());
    return 0;
  }
  for (const std::vector<double>& values : {std::vector<double>{0, 0, 0}, {1.5, -2, 1e300}, {-0.0, 5e-324, 7}}) {
    const auto result = expression->evaluate(values);
    CHECK(result ? std::isfinite(*result) : result.error().code == Code::kInvalidArgument);
  }
  return 0;
}
