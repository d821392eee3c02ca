// COMPUTE: all variables are fetched at once, each from its partition, and the expression is evaluated over them.
#pragma once

#include <string>
#include <vector>

#include "broker/expression.hpp"
#include "broker/merger.hpp"
#include "protocol/command.hpp"

namespace trellis {

class ComputeMerger final : public Merger {
 public:
  /// Parses the expression, so that a bad one is told before anything is asked.  Error: kInvalidArgument.
  /// @param frame  the request that `arguments` point into
  static Result<std::unique_ptr<Merger>> make(Frame frame, ComputeArguments arguments, bool stale,
                                              std::uint32_t partitions);

  Step start() override;
  Step on_leg(std::uint32_t number, LegResult result) override;

 private:
  ComputeMerger(Frame frame, ComputeArguments arguments, Expression expression, bool stale, std::uint32_t partitions);
  /// Takes the variable's value, or says why it has none.
  std::optional<Error> read_value(std::uint32_t number, const LegResult& result);
  Answer finish();

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
