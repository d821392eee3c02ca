#include "cli/load/loader.hpp"

#include <algorithm>

#include "protocol/check.hpp"

namespace trellis {
namespace {

/// Errors after which the same batch, sent again under the same session and seq, may well succeed.
bool passes_with_time(Code code) {
  return code == Code::kUnavailable || code == Code::kDeadlineExceeded || code == Code::kResourceExhausted;
}

}  // namespace

Loader::Loader(std::string file, Duration patience, LoadOutput& output)
    : file_(std::move(file)), patience_(patience), output_(output) {}

void Loader::add(TimePoint now, RecordBatch batch) {
  CHECK(has_room());
  for (const std::string& mistake : batch.mistakes) count_error(mistake);
  if (batch.records() == 0) {
    bytes_ += batch.bytes;
    return;
  }
  const std::uint64_t number = next_number_++;
  Held& held = batches_[number];
  held.records = std::move(batch);
  held_size_ += held.records.arguments.size();
  wait_for_earlier(number, held);
  if (held.waits_for == 0) ready_.push_back(number);
  send_ready(now);
}

/// Notes in each earlier batch that shares a key with this one that this one waits for it.
void Loader::wait_for_earlier(std::uint64_t number, Held& held) {
  for (const std::uint64_t key : held.records.keys) {
    const std::uint64_t last = last_with_key_.set(key, number);
    if (last == 0 || last == number) continue;
    Held& earlier = batches_.at(last);
    if (!earlier.holds_back.empty() && earlier.holds_back.back() == number) continue;
    earlier.holds_back.push_back(number);
    ++held.waits_for;
  }
}

void Loader::send_ready(TimePoint now) {
  while (!ready_.empty() && under_way_ < kUnderWayMax && !failure_) {
    const std::uint64_t number = ready_.front();
    ready_.pop_front();
    ++under_way_;
    send(now, number, batches_.at(number));
  }
}

void Loader::send(TimePoint now, std::uint64_t number, Held& held) {
  if (!held.first_sent) held.first_sent = now;
  held.again_at.reset();
  output_.send(number, held.records.arguments);
}

void Loader::on_answer(TimePoint now, std::uint64_t batch, const Reply& reply) {
  const auto at = batches_.find(batch);
  if (at == batches_.end() || failure_) return;
  Held& held = at->second;
  if (reply.status != Code::kOk && passes_with_time(reply.status)) {
    return try_again(now, held, {reply.status, reply.info.message});
  }
  const RecordBatch& records = held.records;
  if (reply.status != Code::kOk) {
    const std::string& message = reply.info.message;
    complain_of_all(records, message.empty() ? std::string(name_of(reply.status)) : message);
    return end(now, batch);
  }
  if (!read_items(reply.result, records.records())) {
    complain_of_all(records, "the broker's answer to the batch cannot be read");
    return end(now, batch);
  }
  for (const Item& item : items_) {
    if (passes_with_time(item.status)) return try_again(now, held, {item.status, item.message()});
  }
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].status == Code::kOk) {
      ++loaded_;
    } else {
      const std::string message = items_[i].message();
      complain(records.lines[i], message.empty() ? std::string(name_of(items_[i].status)) : message);
    }
  }
  end(now, batch);
}

void Loader::end(TimePoint now, std::uint64_t batch) {
  finish(batch);
  send_ready(now);
}

void Loader::try_again(TimePoint now, Held& held, const Error& error) {
  if (now + kPauseBeforeResend < *held.first_sent + patience_) {
    held.again_at = now + kPauseBeforeResend;
    return;
  }
  failure_ = error;
  const std::string place = file_ + ":" + std::to_string(held.records.lines.front());
  tell_error(place + ":1: gave up here: " + error.message);
}

void Loader::on_tick(TimePoint now) {
  if (failure_) return;
  for (auto& [number, held] : batches_) {
    if (held.again_at && *held.again_at <= now) send(now, number, held);
  }
}

std::optional<TimePoint> Loader::next_due() const {
  std::optional<TimePoint> due;
  for (const auto& [number, held] : batches_) {
    if (held.again_at && (!due || *held.again_at < *due)) due = held.again_at;
  }
  return due;
}

/// A batch has ended: those that waited for it alone may go.
void Loader::finish(std::uint64_t number) {
  const auto node = batches_.extract(number);
  const Held& held = node.mapped();
  for (const std::uint64_t key : held.records.keys) last_with_key_.forget(key, number);
  for (const std::uint64_t later : held.holds_back) {
    if (--batches_.at(later).waits_for == 0) ready_.push_back(later);
  }
  bytes_ += held.records.bytes;
  held_size_ -= held.records.arguments.size();
  --under_way_;
}

void Loader::count_error(const std::string& line) {
  if (told_ < kReportsMax) return tell_error(line);
  ++errors_;
}

void Loader::tell_error(const std::string& line) {
  ++errors_;
  ++told_;
  output_.report(line);
}

void Loader::complain(std::uint64_t line, const std::string& reason) {
  count_error(file_ + ":" + std::to_string(line) + ":1: " + reason);
}

void Loader::complain_of_all(const RecordBatch& records, const std::string& reason) {
  for (const std::uint64_t line : records.lines) complain(line, reason);
}

std::string Loader::Item::message() const {
  auto read = read_info(info);
  return read ? std::move(read->message) : std::string();
}

/// Reads a BATCH's result into items_.  False where it is not the array of `count` items that was asked for.
bool Loader::read_items(std::string_view result, std::size_t count) {
  PackedReader reader(result);
  if (reader.read_array() != count) return false;
  items_.clear();
  for (std::size_t i = 0; i < count; ++i) {
    if (reader.read_array() != 3u) return false;
    const auto status = reader.read_str();
    const auto code = status == "OK" ? Code::kOk : status ? code_of(*status) : std::nullopt;
    if (!code || !reader.read_value()) return false;
    const auto info = reader.read_value();
    if (!info) return false;
    items_.push_back({*code, *info});
  }
  return true;
}

}  // namespace trellis
