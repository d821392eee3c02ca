// COMPUTE: all variables are fetched at once, each from its partition, and the expression is evaluated over them.
#pragma once

#include <string>
#include <vector>

#include "broker/merge/expression.hpp"
#include "broker/merge/merger.hpp"
#include "protocol/command.hpp"

namespace trellis {

class ComputeMerger final : public Merger {
 public:
  /// What is to be computed, ready to be fetched and evaluated.
  struct Computation {
    Expression expression;
    std::vector<Variable> variables;
  };
  /// Reads the arguments and parses the expression, so that a bad one is told before anything is asked.
  /// Error: kInvalidArgument.
  static Result<Computation> read(std::string_view arguments);

  /// @param frame  the request that the computation points into
  ComputeMerger(Frame frame, Computation computation, bool stale, std::uint32_t partitions);

  Step start() override;
  Step on_subrequest(std::uint32_t number, LegResult result) override;

 private:
  /// Takes the variable's value, or says why it has none.
  std::optional<Error> read_value(std::uint32_t number, const LegResult& result);
  MergedAnswer finish();

  Frame frame_;
  std::vector<Variable> variables_;
  Expression expression_;
  bool stale_;
  std::uint32_t partitions_;
  std::vector<double> values_;
  std::vector<std::optional<Error>> errors_;
  std::size_t awaited_;
  bool guaranteed_ = true;
};

}  // namespace trellis
