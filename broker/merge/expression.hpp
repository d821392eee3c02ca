// Expression: the arithmetic of COMPUTE, evaluated by muParser behind a gate that lets only the protocol's language in.
//
//   expression = numbers, variables, + - * / ^ (right-associative), unary minus (-2^2 is -4), ( ),
//                sin cos tan (radians), log (base 10), ln, exp, sqrt, abs, min, max, pi, e
//
// muParser alone would take much more (assignments, comparisons, ?:, `1,2`), call ln log, and give inf in silence.  So
// each text is read token by token first, and only what is known goes on; nesting is counted before muParser sees it.
// This pair of files is the only one with muParser in it.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace trellis {

class Expression {
 public:
  /// @param variables  the names that may stand in it: letters, digits and underscores, no digit first.  Not all need
  ///                   be used.
  /// Error: kInvalidArgument, and the message says what is wrong and where (columns count bytes from 1).
  static Result<Expression> parse(std::string_view text, const std::vector<std::string_view>& variables);

  ~Expression();
  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;

  /// @param values  of the variables, in the order given to parse()
  /// Error: kInvalidArgument where the result, or what leads to it, is not finite.
  Result<double> evaluate(const std::vector<double>& values);

 private:
  struct Parser;
  explicit Expression(std::unique_ptr<Parser> parser);
  std::unique_ptr<Parser> parser_;
};

}  // namespace trellis
