#include "broker/merge/expression.hpp"

#include <muParser.h>

#include <algorithm>
#include <array>
#include <cfenv>
#include <charconv>
#include <cmath>
#include <string>

#include "protocol/limits.hpp"
#include "protocol/notation/notation_text.hpp"

namespace trellis {
namespace {

using mu::value_type;

constexpr double kPi = 3.141592653589793;
constexpr double kE = 2.718281828459045;

value_type negate(value_type x) { return -x; }
value_type sine(value_type x) { return std::sin(x); }
value_type cosine(value_type x) { return std::cos(x); }
value_type tangent(value_type x) { return std::tan(x); }
value_type logarithm(value_type x) { return std::log10(x); }
value_type natural_logarithm(value_type x) { return std::log(x); }
value_type exponential(value_type x) { return std::exp(x); }
value_type square_root(value_type x) { return std::sqrt(x); }
value_type absolute(value_type x) { return std::fabs(x); }

/// Unlike std::min, a NaN is not lost on the way.
template <typename Better>
value_type best(const value_type* values, int count, Better better) {
  value_type found = values[0];
  for (int i = 1; i < count; ++i) {
    if (std::isnan(values[i]) || better(values[i], found)) found = values[i];
    if (std::isnan(found)) return found;
  }
  return found;
}
value_type least(const value_type* values, int count) {
  return best(values, count, [](value_type a, value_type b) { return a < b; });
}
value_type greatest(const value_type* values, int count) {
  return best(values, count, [](value_type a, value_type b) { return a > b; });
}

struct Function {
  std::string_view name;
  value_type (*call)(value_type);
};
constexpr std::array<Function, 8> kFunctions = {{{"sin", sine},
                                                 {"cos", cosine},
                                                 {"tan", tangent},
                                                 {"log", logarithm},
                                                 {"ln", natural_logarithm},
                                                 {"exp", exponential},
                                                 {"sqrt", square_root},
                                                 {"abs", absolute}}};

bool is_one_argument_function(std::string_view name) {
  return std::any_of(kFunctions.begin(), kFunctions.end(), [name](const Function& each) { return each.name == name; });
}
bool is_function(std::string_view name) { return name == "min" || name == "max" || is_one_argument_function(name); }
bool is_constant(std::string_view name) { return name == "pi" || name == "e"; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_char(char c) { return is_name_start(c) || is_digit(c); }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

Result<void> check_variable_name(std::string_view name) {
  const bool good = !name.empty() && is_name_start(name[0]) && std::all_of(name.begin(), name.end(), is_name_char);
  if (!good) {
    return invalid_argument(quoted_excerpt(name) +
                            " is no name of a variable: letters, digits and underscores, no digit first");
  }
  if (is_function(name) || is_constant(name)) {
    return invalid_argument("a variable cannot be called " + std::string(name) + ": that is a " +
                            (is_function(name) ? "function" : "constant"));
  }
  return {};
}

/// The gate: reads the text token by token, as an expression grammar without a tree.  What it lets through is a
/// well-formed expression of the language above, so muParser only ever sees those.
class Gate {
 public:
  Gate(std::string_view text, const std::vector<std::string_view>& variables) : text_(text), variables_(variables) {}

  /// The expression as muParser is to read it: without blanks, with names of ours for numbers and variables.
  Result<std::string> pass() {
    while (skip_blanks()) {
      if (auto step = wants_operand_ ? operand() : operation(); !step) return step.error();
    }
    if (text_.empty() || (wants_operand_ && out_.empty() && signs_ == 0))
      return invalid_argument("the expression is empty");
    if (wants_operand_) return wrong("the expression ends where a number, a variable or ( is expected");
    if (!open_.empty()) return wrong("a ) is missing");
    return std::move(out_);
  }

 private:
  struct Bracket {
    std::string_view function;  ///< Empty: a plain one.
    std::size_t commas = 0;
  };

  Error wrong(const std::string& what) const {
    return invalid_argument(what + " (column " + std::to_string(position_ + 1) + ")");
  }
  bool skip_blanks() {
    while (position_ < text_.size() && is_blank(text_[position_])) ++position_;
    return position_ < text_.size();
  }
  char here() const { return text_[position_]; }
  /// What stands here, for messages.
  std::string found() const {
    const auto byte = static_cast<unsigned char>(here());
    if (byte >= 0x20 && byte < 0x7f) return std::string(1, here());
    constexpr std::string_view kDigits = "0123456789abcdef";
    return std::string("byte 0x") + kDigits[byte >> 4] + kDigits[byte & 15];
  }
  void copy() { out_.push_back(text_[position_++]); }

  Result<void> operand() {
    const char c = here();
    if (c == '-') {
      ++signs_;
      ++position_;
      return {};
    }
    // Two cancel each other out, exactly; muParser takes one at most.
    if (signs_ % 2 == 1) out_.push_back('-');
    signs_ = 0;
    if (c == '(') return open({});
    if (is_digit(c) || c == '.') return number();
    if (is_name_start(c)) return name();
    return wrong("expected a number, a variable or (, not " + found());
  }

  Result<void> operation() {
    const char c = here();
    if (c == ')') {
      if (open_.empty()) return wrong("there is no ( to this )");
      const Bracket closed = open_.back();
      if (is_one_argument_function(closed.function) && closed.commas > 0) {
        return wrong(std::string(closed.function) + " takes one argument");
      }
      open_.pop_back();
      copy();
      return {};
    }
    if (c == ',') {
      if (open_.empty() || open_.back().function.empty())
        return wrong("a , stands only between a function's arguments");
      ++open_.back().commas;
    } else if (c != '+' && c != '-' && c != '*' && c != '/' && c != '^') {
      return wrong("expected + - * / ^ or ), not " + found());
    }
    copy();
    wants_operand_ = true;
    return {};
  }

  static std::string too_deep() { return "more than " + std::to_string(kExpressionNestingMax) + " levels are nested"; }

  Result<void> open(std::string_view function) {
    if (open_.size() == static_cast<std::size_t>(kExpressionNestingMax)) return wrong(too_deep());
    open_.push_back({function, 0});
    copy();
    return {};
  }

  /// Digits with a point or an exponent.
  Result<void> number() {
    double value = 0;
    const char* const begin = text_.data() + position_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error == std::errc::result_out_of_range) return wrong("this number is too large or too small");
    if (error != std::errc()) return wrong("expected a number, a variable or (, not " + found());
    const auto size = static_cast<std::size_t>(end - begin);
    if (position_ + size < text_.size() && (is_name_char(*end) || *end == '.')) {
      return wrong("\"" + std::string(begin, size + 1) + "\" is no number");
    }
    position_ += size;
    // It goes on as a name: muParser would read it through a stream, with the locale's idea of numbers.
    out_ += name_of_number(numbers_.size());
    numbers_.push_back(value);
    wants_operand_ = false;
    return {};
  }

  Result<void> name() {
    std::size_t size = 1;
    while (position_ + size < text_.size() && is_name_char(text_[position_ + size])) ++size;
    const std::string_view name = text_.substr(position_, size);
    std::size_t next = position_ + size;
    while (next < text_.size() && is_blank(text_[next])) ++next;
    const bool called = next < text_.size() && text_[next] == '(';
    if (is_function(name)) {
      if (!called) return wrong(std::string(name) + " is a function and needs ( )");
      out_ += name;
      position_ = next;
      return open(name);
    }
    if (called) return wrong(std::string(name) + " is no function; there are sin cos tan log ln exp sqrt abs min max");
    const auto variable = std::find(variables_.begin(), variables_.end(), name);
    if (variable != variables_.end()) {
      out_ += name_of_variable(static_cast<std::size_t>(variable - variables_.begin()));
    } else if (is_constant(name)) {
      out_ += name_of_number(numbers_.size());
      numbers_.push_back(name == "pi" ? kPi : kE);
    } else {
      return wrong("unknown name " + std::string(name) + ": give it as a variable");
    }
    position_ = next;
    wants_operand_ = false;
    return {};
  }

 public:
  static std::string name_of_variable(std::size_t index) { return "v" + std::to_string(index); }
  static std::string name_of_number(std::size_t index) { return "n" + std::to_string(index); }
  std::vector<double> take_numbers() { return std::move(numbers_); }

 private:
  std::string_view text_;
  const std::vector<std::string_view>& variables_;
  std::size_t position_ = 0;
  bool wants_operand_ = true;
  std::size_t signs_ = 0;  ///< Unary minuses in a row.
  std::vector<Bracket> open_;
  std::vector<double> numbers_;
  std::string out_;
};

}  // namespace

/// muParser with nothing of its own but the binary operators and brackets.
struct Expression::Parser : mu::ParserBase {
  Parser() {
    InitCharSets();
    InitFun();
    InitOprt();
    // Constant folding would be done for one evaluation only.
    EnableOptimizer(false);
  }
  void InitCharSets() override {
    DefineNameChars("0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    DefineOprtChars("+-*^/");
    DefineInfixOprtChars("-");
  }
  void InitFun() override {
    for (const Function& function : kFunctions) DefineFun(std::string(function.name), function.call);
    DefineFun("min", least);
    DefineFun("max", greatest);
  }
  void InitConst() override {}
  void InitOprt() override { DefineInfixOprt("-", negate); }

  std::vector<double> variables;
  std::vector<double> numbers;
};

Expression::Expression(std::unique_ptr<Parser> parser) : parser_(std::move(parser)) {}
Expression::~Expression() = default;
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;

Result<Expression> Expression::parse(std::string_view text, const std::vector<std::string_view>& variables) {
  if (text.size() > kExpressionSizeMax) {
    return invalid_argument("an expression has at most " + std::to_string(kExpressionSizeMax) + " bytes");
  }
  for (const std::string_view name : variables) {
    if (auto good = check_variable_name(name); !good) return good.error();
  }
  Gate gate(text, variables);
  auto passed = gate.pass();
  if (!passed) return passed.error();
  auto parser = std::make_unique<Parser>();
  parser->variables.assign(variables.size(), 1.0);
  parser->numbers = gate.take_numbers();
  try {
    for (std::size_t i = 0; i < variables.size(); ++i) {
      parser->DefineVar(Gate::name_of_variable(i), &parser->variables[i]);
    }
    for (std::size_t i = 0; i < parser->numbers.size(); ++i) {
      parser->DefineVar(Gate::name_of_number(i), &parser->numbers[i]);
    }
    parser->SetExpr(*passed);
    parser->Eval();  // Compiles it; what comes out with these values does not matter.
  } catch (const mu::ParserError& error) {
    return invalid_argument("the expression cannot be evaluated: " + error.GetMsg());
  }
  return Expression(std::move(parser));
}

Result<double> Expression::evaluate(const std::vector<double>& values) {
  std::copy(values.begin(), values.end(), parser_->variables.begin());
  std::feclearexcept(FE_ALL_EXCEPT);
  double value = 0;
  try {
    value = parser_->Eval();
  } catch (const mu::ParserError& error) {
    return invalid_argument("the expression cannot be evaluated: " + error.GetMsg());
  }
  // An infinity may vanish again on the way, as in 1/(1/0); the processor has noted it.
  if (std::fetestexcept(FE_DIVBYZERO) != 0)
    return invalid_argument("the expression divides by zero, or takes the logarithm of zero");
  if (!std::isfinite(value) || std::fetestexcept(FE_INVALID) != 0) {
    return invalid_argument(std::isinf(value) ? "the result is too large: it is not finite"
                                              : "the result is not a number (a root or logarithm of a negative one?)");
  }
  return value;
}

}  // namespace trellis
