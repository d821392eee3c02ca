#include "cli/bench/generator.hpp"

#include <algorithm>
#include <utility>

#include "protocol/packed.hpp"
#include "protocol/result.hpp"

namespace trellis {
namespace {

constexpr std::string_view kNoAnswer = "NO_ANSWER";
constexpr std::string_view kBroken = "BROKEN_REPLY";
constexpr std::string_view kNotSent = "NOT_SENT";

/// The front of a reply, which is all that the bench reads of it.
struct Front {
  std::uint64_t id = 0;
  std::string_view status;
  std::string_view rest;  ///< Begins with the result.
};

std::optional<Front> read_front(std::string_view reply) {
  PackedReader reader(reply);
  if (!reader.read_array() || !reader.read_uint()) return std::nullopt;
  const auto id = reader.read_uint();
  const auto status = reader.read_str();
  if (!id || !status) return std::nullopt;
  return Front{*id, *status, reply.substr(reader.position())};
}

void add_relaxed(std::atomic<std::uint64_t>& counter, std::uint64_t more) {
  counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);  // One thread writes.
}

}  // namespace

void BenchFigures::merge(const BenchFigures& other) {
  all.merge(other.all);
  for (std::size_t i = 0; i < kOperations; ++i) by_operation[i].merge(other.by_operation[i]);
  operations += other.operations;
  for (const auto& [status, count] : other.errors) errors[status] += count;
  span = std::max(span, other.span);
}

std::uint64_t BenchFigures::failed() const {
  std::uint64_t sum = 0;
  for (const auto& [status, count] : errors) sum += count;
  return sum;
}

BenchGenerator::BenchGenerator(const BenchPlan& plan, KeySpace& keys, BenchOutput& output)
    : plan_(plan),
      keys_(keys),
      output_(output),
      random_(plan.seed),
      chooser_(plan.distribution, keys),
      maker_(plan.requests),
      slots_(plan.connections * plan.under_way) {
  for (std::size_t i = slots_.size(); i-- > 0;) free_.push_back(i);
}

void BenchGenerator::begin(TimePoint now) {
  begun_ = now;
  measure_from_ = now + plan_.warm_up;
}

/// Open loop: when a request should be sent, counted from 0.
TimePoint BenchGenerator::due_at(std::uint64_t request) const {
  const double seconds = static_cast<double>(request) * static_cast<double>(plan_.batch) / plan_.rate;
  return begun_ + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

std::optional<TimePoint> BenchGenerator::next_due() const {
  if (stopped_ || free_.empty()) return std::nullopt;
  return plan_.rate > 0 ? due_at(requests_) : begun_;
}

/// Whether the plan still has a request that is due then.
bool BenchGenerator::may_send(TimePoint due) const {
  if (plan_.count) return measured_ < *plan_.count;
  return due < measure_from_ + plan_.duration;
}

void BenchGenerator::send_due(TimePoint now) {
  while (!stopped_ && !free_.empty()) {
    const TimePoint due = plan_.rate > 0 ? due_at(requests_) : now;
    if (due > now) return;
    // In an open loop all that was due before the end is sent, however late.
    if (!may_send(due)) return stop();
    const std::size_t place = free_.back();
    free_.pop_back();
    send_next(now, due, place);
  }
}

void BenchGenerator::send_next(TimePoint now, TimePoint due, std::size_t place) {
  Slot& slot = slots_[place];
  slot.due = due;
  slot.measured = due >= measure_from_;
  slot.inserted.clear();
  slot.operations = plan_.batch;
  if (slot.measured && plan_.count) slot.operations = std::min<std::uint64_t>(plan_.batch, *plan_.count - measured_);
  if (slot.measured) measured_ += slot.operations;
  ++requests_;
  const std::uint64_t id = new_id(place);
  if (plan_.batch == 1) {
    const auto values = draw(slot);
    slot.operation = values.operation;
    return send(now, place, maker_.single(id, values));
  }
  maker_.begin_batch(id, slot.operations);
  for (std::size_t i = 0; i < slot.operations; ++i) maker_.add(draw(slot));
  send(now, place, maker_.end_batch());
}

RequestMaker::Values BenchGenerator::draw(Slot& slot) {
  RequestMaker::Values values;
  values.operation = plan_.workload->next(random_);
  if (values.operation == Operation::kInsert) {
    values.key = keys_.take();
    slot.inserted.push_back(values.key);
  } else {
    values.key = chooser_.next(random_);
  }
  if (values.operation == Operation::kCompute) values.second_key = chooser_.next(random_);
  if (values.operation == Operation::kReadModifyWrite) slot.to_write = values.key;
  values.number = values.operation == Operation::kScan ? 1 + static_cast<std::uint32_t>(random_.below(kScanRecordsMax))
                                                       : static_cast<std::uint32_t>(random_.next());
  return values;
}

/// The second half of a read-modify-write.
void BenchGenerator::send_write(TimePoint now, std::size_t place) {
  Slot& slot = slots_[place];
  RequestMaker::Values values;
  values.operation = Operation::kUpdate;
  values.key = *std::exchange(slot.to_write, std::nullopt);
  values.number = static_cast<std::uint32_t>(random_.next());
  send(now, place, maker_.single(new_id(place), values));
}

std::uint64_t BenchGenerator::new_id(std::size_t place) {
  slots_[place].id = ++turns_ * slots_.size() + place;
  return slots_[place].id;
}

void BenchGenerator::send(TimePoint now, std::size_t place, std::string_view request) {
  Slot& slot = slots_[place];
  slot.sent = now;
  if (output_.send(place % plan_.connections, request)) return;
  count(slot, kNotSent, slot.operations);
  finish(now, place);
}

void BenchGenerator::on_reply(TimePoint now, std::string_view reply) {
  const auto front = read_front(reply);
  if (!front) return;
  const std::size_t place = front->id % slots_.size();
  Slot& slot = slots_[place];
  if (slot.id != front->id) return;
  const bool good = front->status == name_of(Code::kOk);
  if (good && slot.to_write) return send_write(now, place);
  if (good && plan_.batch > 1) {
    count_items(slot, front->rest);
  } else {
    count(slot, front->status, slot.operations);
  }
  finish(now, place);
}

void BenchGenerator::on_tick(TimePoint now) {
  const Duration patience = plan_.requests.timeout + kGrace;
  for (std::size_t place = 0; place < slots_.size(); ++place) {
    Slot& slot = slots_[place];
    if (slot.id == 0 || now - slot.sent < patience) continue;
    count(slot, kNoAnswer, slot.operations);
    finish(now, place);
  }
}

/// Counts operations that ended with this status.
void BenchGenerator::count(const Slot& slot, std::string_view status, std::uint64_t operations) {
  const bool good = status == name_of(Code::kOk);
  add_relaxed(operations_, operations);
  if (!good) add_relaxed(errors_, operations);
  if (!slot.measured) return;
  figures_.operations += operations;
  if (!good) figures_.errors[std::string(status)] += operations;
}

/// Counts the operations of a BATCH.
/// @param result  begins with an array of [status, result, info]
void BenchGenerator::count_items(const Slot& slot, std::string_view result) {
  PackedReader reader(result);
  const std::size_t items = reader.read_array().value_or(0);
  std::size_t good = 0;
  for (std::size_t i = 0; i < slot.operations; ++i) {
    const auto status = i < items && reader.read_array() ? reader.read_str() : std::nullopt;
    const bool whole = status && reader.read_value() && reader.read_value();
    if (!whole) {
      count(slot, kBroken, slot.operations - i);
      break;
    }
    if (*status == name_of(Code::kOk)) {
      ++good;
    } else {
      count(slot, *status, 1);
    }
  }
  count(slot, name_of(Code::kOk), good);
}

void BenchGenerator::finish(TimePoint now, std::size_t place) {
  Slot& slot = slots_[place];
  slot.id = 0;
  slot.to_write.reset();
  // Also where the insert failed: keys that come after it are known all the same.
  for (const std::uint64_t key : slot.inserted) keys_.on_inserted(key);
  free_.push_back(place);
  if (!slot.measured) return;
  const auto latency = static_cast<std::uint64_t>((now - slot.due).count());
  figures_.all.add(latency);
  if (plan_.batch == 1) figures_.by_operation[static_cast<std::size_t>(slot.operation)].add(latency);
  figures_.span = std::max(figures_.span, now - measure_from_);
}

}  // namespace trellis
