// COMPUTE's arithmetic: the protocol's language, all of it and nothing else, whatever is thrown at it.
#include "broker/merge/expression.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "protocol/limits.hpp"

namespace trellis {
namespace {

using ::testing::HasSubstr;

Result<double> compute(std::string_view text, const std::vector<std::string_view>& names = {},
                       const std::vector<double>& values = {}) {
  auto expression = Expression::parse(text, names);
  if (!expression) return expression.error();
  return expression->evaluate(values);
}

double value_of(std::string_view text, const std::vector<std::string_view>& names = {},
                const std::vector<double>& values = {}) {
  const auto value = compute(text, names, values);
  EXPECT_TRUE(value) << text << ": " << value.error().message;
  return value ? *value : std::nan("");
}

std::string problem_of(std::string_view text, const std::vector<std::string_view>& names = {},
                       const std::vector<double>& values = {}) {
  const auto value = compute(text, names, values);
  if (value) return "none: " + std::to_string(*value);
  EXPECT_EQ(value.error().code, Code::kInvalidArgument);
  return value.error().message;
}

TEST(Expression, KnowsTheOperatorsAndTheirOrder) {
  EXPECT_EQ(value_of("1+1"), 2);
  EXPECT_EQ(value_of("2*(3+4)"), 14);
  EXPECT_EQ(value_of("2+3*4-6/2"), 11);
  EXPECT_EQ(value_of("10-4-3"), 3);
  EXPECT_EQ(value_of("100/10/5"), 2);
  EXPECT_EQ(value_of("2^3^2"), 512) << "right-associative";
  EXPECT_EQ(value_of("-2^2"), -4);
  EXPECT_EQ(value_of("(-2)^2"), 4);
  EXPECT_EQ(value_of("2^-2"), 0.25);
  EXPECT_EQ(value_of("2^-2^2"), 0.0625);
  EXPECT_EQ(value_of("2*-3"), -6);
  EXPECT_EQ(value_of("2--3"), 5);
  EXPECT_EQ(value_of("2---3"), -1);
  EXPECT_EQ(value_of("--2^2"), 4);
  EXPECT_EQ(value_of("-(-(2))"), 2);
  EXPECT_EQ(value_of("2*3^2"), 18);
  EXPECT_EQ(value_of("-3*2"), -6);
  EXPECT_EQ(value_of(" 1 \t+\n 2 "), 3);
}

TEST(Expression, KnowsTheFunctionsAndConstants) {
  EXPECT_DOUBLE_EQ(value_of("sin(pi/2)"), 1);
  EXPECT_DOUBLE_EQ(value_of("cos(pi)"), -1);
  EXPECT_DOUBLE_EQ(value_of("tan(pi/4)"), 1);
  EXPECT_DOUBLE_EQ(value_of("log(1000)"), 3);
  EXPECT_DOUBLE_EQ(value_of("ln(e)"), 1);
  EXPECT_DOUBLE_EQ(value_of("ln(exp(2.5))"), 2.5);
  EXPECT_DOUBLE_EQ(value_of("sqrt (2)"), std::sqrt(2.0));
  EXPECT_EQ(value_of("abs(-3)"), 3);
  EXPECT_EQ(value_of("min(3,1,2)"), 1);
  EXPECT_EQ(value_of("max(3, 1, 2)"), 3);
  EXPECT_EQ(value_of("min(5)"), 5);
  EXPECT_EQ(value_of("max(min(1,2),min(3,4))"), 3);
  EXPECT_EQ(value_of("-abs(-2)^2"), -4);
  EXPECT_DOUBLE_EQ(value_of("e"), std::exp(1.0));
}

TEST(Expression, ReadsNumbersAsPeopleWriteThem) {
  EXPECT_EQ(value_of("0.5"), 0.5);
  EXPECT_EQ(value_of(".5"), 0.5);
  EXPECT_EQ(value_of("5."), 5);
  EXPECT_EQ(value_of("1e3"), 1000);
  EXPECT_EQ(value_of("1E-3"), 0.001);
  EXPECT_EQ(value_of("1e+3"), 1000);
  EXPECT_EQ(value_of("1e3-1"), 999);
  EXPECT_EQ(value_of("007"), 7);
  EXPECT_EQ(value_of("9007199254740993"), 9007199254740992);
  EXPECT_EQ(value_of("0.1+0.2"), 0.1 + 0.2);
  EXPECT_EQ(value_of("1.7976931348623157e308"), std::numeric_limits<double>::max());
}

TEST(Expression, TakesVariablesWhetherTheyAreUsedOrNot) {
  EXPECT_EQ(value_of("2*(x+3)", {"x"}, {12}), 30);
  EXPECT_DOUBLE_EQ(value_of("2/(x+3*(y+z))", {"x", "y", "z"}, {12, 22, 1.78}), 2 / (12 + 3 * (22 + 1.78)));
  EXPECT_EQ(value_of("a_1+_b+C", {"a_1", "_b", "C", "unused"}, {1, 2, 3, 4}), 6);
  EXPECT_EQ(value_of("x*x", {"x"}, {-3}), 9);
  EXPECT_EQ(value_of("v0+n0", {"n0", "v0"}, {1, 2}), 3) << "names like those used inside";
  EXPECT_EQ(value_of("exponent+e1", {"exponent", "e1"}, {1, 2}), 3);
}

TEST(Expression, NamesWhatIsWrong) {
  EXPECT_EQ(problem_of(""), "the expression is empty");
  EXPECT_EQ(problem_of("  "), "the expression is empty");
  EXPECT_THAT(problem_of("x+1"), HasSubstr("unknown name x"));
  EXPECT_THAT(problem_of("1+"), HasSubstr("ends where a number"));
  EXPECT_THAT(problem_of("-"), HasSubstr("ends where a number"));
  EXPECT_THAT(problem_of("(1"), HasSubstr("a ) is missing"));
  EXPECT_THAT(problem_of("1)"), HasSubstr("there is no ( to this ) (column 2)"));
  EXPECT_THAT(problem_of("1 2"), HasSubstr("expected + - * / ^ or ), not 2 (column 3)"));
  EXPECT_THAT(problem_of("2x", {"x"}, {1}), HasSubstr("\"2x\" is no number"));
  EXPECT_THAT(problem_of("1.2.3"), HasSubstr("is no number"));
  EXPECT_THAT(problem_of("1e"), HasSubstr("is no number"));
  EXPECT_THAT(problem_of("0x10"), HasSubstr("is no number"));
  EXPECT_THAT(problem_of("."), HasSubstr("expected a number"));
  EXPECT_THAT(problem_of("1e999"), HasSubstr("too large"));
  EXPECT_THAT(problem_of("sin"), HasSubstr("sin is a function and needs ( )"));
  EXPECT_THAT(problem_of("sin+1"), HasSubstr("sin is a function"));
  EXPECT_THAT(problem_of("sin()"), HasSubstr("expected a number"));
  EXPECT_THAT(problem_of("sin(1,2)"), HasSubstr("sin takes one argument"));
  EXPECT_THAT(problem_of("max()"), HasSubstr("expected a number"));
  EXPECT_THAT(problem_of("max(1,)"), HasSubstr("expected a number"));
  EXPECT_THAT(problem_of("x(1)", {"x"}, {1}), HasSubstr("x is no function"));
  EXPECT_THAT(problem_of("pi(1)"), HasSubstr("pi is no function"));
  EXPECT_THAT(problem_of("foo(1)"), HasSubstr("foo is no function"));
  EXPECT_THAT(problem_of("1", {"2x"}), HasSubstr("is no name of a variable"));
  EXPECT_THAT(problem_of("1", {""}), HasSubstr("is no name of a variable"));
  EXPECT_THAT(problem_of("1", {"a-b"}), HasSubstr("is no name of a variable"));
  EXPECT_THAT(problem_of("1", {"pi"}), HasSubstr("that is a constant"));
  EXPECT_THAT(problem_of("1", {"max"}), HasSubstr("that is a function"));
}

TEST(Expression, RefusesAllThatMuParserWouldTakeBesides) {
  for (const char* text :
       {"x=3",      "1?2:3",    "1>2",       "1<2",     "1>=2",    "1<=2",       "1==2",    "1!=2",    "1&&2",
        "1||2",     "1,2",      "(1,2)",     "+1",      "1++2",    "1**2",       "1%2",     "5!",      "!1",
        "sum(1,2)", "avg(1,2)", "rint(1.5)", "sign(1)", "log2(8)", "log10(100)", "asin(1)", "sinh(1)", "atan2(1,2)",
        "_pi",      "_e",       "\"a\"",     "'a'",     "x",       "1;2",        "[1]",     "{1}",     "1\\2",
        "1//2",     "@",        "#",         "$x",      "1 = 1",   "min 1",      "2(3)",    "(2)(3)",  "(1)2",
        "pi e",     "1e5.5",    "\xce\xbc",  "1\x01"}) {
    const auto value = compute(text);
    EXPECT_FALSE(value) << text << " = " << *value;
    EXPECT_EQ(value ? Code::kOk : value.error().code, Code::kInvalidArgument) << text;
  }
  EXPECT_FALSE(compute(std::string_view("1\0+1", 4)));
  EXPECT_FALSE(compute("x=3", {"x"}, {1}));
}

TEST(Expression, RefusesWhatIsNotFinite) {
  EXPECT_THAT(problem_of("1/0"), HasSubstr("divides by zero"));
  EXPECT_THAT(problem_of("1/(1/0)"), HasSubstr("divides by zero"));
  EXPECT_THAT(problem_of("1/(x-1)", {"x"}, {1}), HasSubstr("divides by zero"));
  EXPECT_THAT(problem_of("0/0"), HasSubstr("not a number"));
  EXPECT_THAT(problem_of("min(0/0,1)"), HasSubstr("not a number"));
  EXPECT_THAT(problem_of("max(1,0/0)"), HasSubstr("not a number"));
  EXPECT_THAT(problem_of("sqrt(-1)"), HasSubstr("not a number"));
  EXPECT_THAT(problem_of("ln(0)"), HasSubstr("logarithm of zero"));
  EXPECT_THAT(problem_of("log(-1)"), HasSubstr("not a number"));
  EXPECT_THAT(problem_of("exp(1000)"), HasSubstr("not finite"));
  EXPECT_THAT(problem_of("10^308*10"), HasSubstr("not finite"));
  EXPECT_THAT(problem_of("0^-1"), HasSubstr("divides by zero"));
  EXPECT_THAT(problem_of("(-8)^(1/3)"), HasSubstr("not a number"));
  EXPECT_FALSE(compute("x", {"x"}, {std::nan("")}));
  EXPECT_FALSE(compute("x", {"x"}, {std::numeric_limits<double>::infinity()}));
  EXPECT_EQ(value_of("1/x", {"x"}, {std::numeric_limits<double>::infinity()}), 0);
  EXPECT_EQ(value_of("x/(x-1)", {"x"}, {2}), 2) << "not finite only for the value that it was parsed with";
  EXPECT_EQ(value_of("5"), 5) << "nothing is left over from the errors before";
}

TEST(Expression, CountsNestingBeforeItParses) {
  const auto nested = [](int levels) { return std::string(levels, '(') + "1" + std::string(levels, ')'); };
  EXPECT_EQ(value_of(nested(kExpressionNestingMax)), 1);
  EXPECT_THAT(problem_of(nested(kExpressionNestingMax + 1)), HasSubstr("more than 64 levels"));
  std::string calls = "1";
  for (int i = 0; i < kExpressionNestingMax; ++i) calls = "abs(" + calls + ")";
  EXPECT_EQ(value_of(calls), 1);
  EXPECT_THAT(problem_of("abs(" + calls + ")"), HasSubstr("more than 64 levels"));
}

TEST(Expression, BearsTheLongestTexts) {
  std::string sum = "1";
  while (sum.size() + 2 <= kExpressionSizeMax) sum += "+1";
  EXPECT_EQ(value_of(sum), static_cast<double>(1 + sum.size() / 2));
  std::string powers = "1";
  while (powers.size() + 2 <= kExpressionSizeMax) powers += "^1";
  EXPECT_EQ(value_of(powers), 1);
  EXPECT_EQ(value_of(std::string(kExpressionSizeMax - 1, '-') + "1"), -1);
  EXPECT_FALSE(compute(std::string(kExpressionSizeMax, '(')));
  std::string many = "max(1";
  while (many.size() + 3 <= kExpressionSizeMax) many += ",2";
  EXPECT_EQ(value_of(many + ")"), 2);
  EXPECT_EQ(value_of(std::string(kExpressionSizeMax, '1').substr(0, 300)), HUGE_VAL == 0 ? 0 : 1.1111111111111111e299);
  EXPECT_FALSE(compute(std::string(kExpressionSizeMax, '1')));
  EXPECT_FALSE(compute(std::string(kExpressionSizeMax + 1, ' ')));
}

TEST(Expression, AnswersWhateverItIsGiven) {
  std::mt19937 random(20);
  const std::string alphabet = "0123456789.eE+-*/^(),xyz sincotalgpqrmb_=?:<>&|!%";
  for (int run = 0; run < 20'000; ++run) {
    std::string text;
    for (std::uint32_t size = random() % 24; size > 0; --size) text.push_back(alphabet[random() % alphabet.size()]);
    const auto value = compute(text, {"x", "y"}, {3, 0.5});
    EXPECT_TRUE(!value || std::isfinite(*value)) << text;
    const std::string message = value ? "" : value.error().message;
    EXPECT_THAT(message, ::testing::Not(HasSubstr("cannot be evaluated"))) << text;
  }
}

}  // namespace
}  // namespace trellis
