#include "broker/merge/compute_merger.hpp"

#include <algorithm>

#include "protocol/cluster/cluster_map.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// Integers are taken as float64.
std::optional<double> number_of(std::string_view packed) {
  const auto token = PackedReader(packed).peek();
  if (!token) return std::nullopt;
  switch (token->type) {
    case PackedType::kInt: return static_cast<double>(token->integer);
    case PackedType::kUint: return static_cast<double>(token->natural);
    case PackedType::kFloat32:
    case PackedType::kFloat64: return token->number;
    default: return std::nullopt;
  }
}

}  // namespace

Result<ComputeMerger::Computation> ComputeMerger::read(std::string_view arguments) {
  auto read = read_compute(arguments);
  if (!read) return read.error();
  std::vector<std::string_view> names;
  for (const Variable& variable : read->variables) names.push_back(variable.name);
  auto expression = Expression::parse(read->expression, names);
  if (!expression) return expression.error();
  return Computation{std::move(*expression), std::move(read->variables)};
}

ComputeMerger::ComputeMerger(Frame frame, Computation computation, bool stale, std::uint32_t partitions)
    : frame_(std::move(frame)),
      variables_(std::move(computation.variables)),
      expression_(std::move(computation.expression)),
      stale_(stale),
      partitions_(partitions),
      values_(variables_.size()),
      errors_(variables_.size()),
      awaited_(variables_.size()) {}

Merger::Step ComputeMerger::start() {
  Step step;
  for (std::uint32_t i = 0; i < variables_.size(); ++i) {
    std::string arguments;
    PackedWriter(arguments).array(1).packed(variables_[i].packed_path);
    Subrequest subrequest;
    subrequest.number = i;
    subrequest.partition = partition_of(variables_[i].query.key, partitions_);
    subrequest.stale = stale_;
    subrequest.command = Command::kQuery;
    subrequest.body = Frame(std::move(arguments));
    step.subrequests.push_back(std::move(subrequest));
  }
  if (variables_.empty()) step.answer = finish();
  return step;
}

Merger::Step ComputeMerger::on_subrequest(std::uint32_t number, LegResult result) {
  Step step;
  errors_[number] = read_value(number, result);
  guaranteed_ = guaranteed_ && result.guaranteed;
  // All are awaited, so that of several errors the first in the order asked is told, whichever came first.
  if (--awaited_ == 0) step.answer = finish();
  return step;
}

std::optional<Error> ComputeMerger::read_value(std::uint32_t number, const LegResult& result) {
  const Variable& variable = variables_[number];
  const std::string name(variable.name);
  if (result.error) return Error{result.error->code, name + ": " + result.error->message};
  const std::string path = to_text(variable.query.key, variable.query.path);
  const auto reply = read_reply(result.body.bytes());
  if (!reply) return Error{Code::kInternal, name + ": a worker's answer cannot be read"};
  if (reply->status == Code::kNotFound) return Error{Code::kNotFound, name + ": nothing at " + path};
  if (reply->status != Code::kOk) return Error{reply->status, name + ": " + reply->info.message};
  const auto value = number_of(reply->result);
  if (!value) {
    return invalid_argument(name + ": " + path + " is " + std::string(describe_type(reply->result)) + ", not a number");
  }
  values_[number] = *value;
  return std::nullopt;
}

MergedAnswer ComputeMerger::finish() {
  MergedAnswer answer;
  const auto error = std::find_if(errors_.begin(), errors_.end(), [](const auto& each) { return each.has_value(); });
  if (error != errors_.end()) {
    answer = answer_of(std::move(**error));
  } else if (const auto value = expression_.evaluate(values_)) {
    PackedWriter(answer.result).float64(*value);
  } else {
    answer = answer_of(value.error());
  }
  answer.info.guaranteed = guaranteed_;
  return answer;
}

}  // namespace trellis
