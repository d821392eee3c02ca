#include "cli/backup/put_batches.hpp"

#include "protocol/packed.hpp"

namespace trellis {
namespace {

bool passes_with_time(Code code) {
  return code == Code::kUnavailable || code == Code::kDeadlineExceeded || code == Code::kResourceExhausted;
}

}  // namespace

void PutBatches::add(std::size_t stream, const BackupRecord& record) {
  Gathered& gathered = streams_[stream];
  PackedWriter writer(gathered.items);
  const std::size_t options = (keeps_ ? 1 : 0) + (record.ttl_ms ? 1 : 0);
  writer.array(options > 0 ? 3 : 2).str("PUT").array(2).key(record.key).packed(record.document);
  if (options > 0) writer.map(options);
  if (keeps_) writer.str("if_absent").boolean(true);
  if (record.ttl_ms) writer.str("ttl_ms").natural(*record.ttl_ms);
  if (++gathered.count >= kRecordsMax || gathered.items.size() >= kSizeMax) close(stream);
}

void PutBatches::close(std::size_t stream) {
  const auto at = streams_.find(stream);
  if (at == streams_.end() || at->second.count == 0) return;
  Gathered& gathered = at->second;
  Batch& batch = batches_[next_number_++];
  batch.stream = stream;
  PackedWriter(batch.arguments).array(1).array(gathered.count).packed(gathered.items);
  batch.count = gathered.count;
  held_ += batch.arguments.size();
  ++waiting_;
  ++gathered.batches;
  gathered.items.clear();
  gathered.count = 0;
}

std::optional<PutBatches::Ready> PutBatches::next(TimePoint now) {
  if (failure_ || waiting_ == 0) return std::nullopt;
  for (auto& [number, batch] : batches_) {
    if (batch.is_sent || now < batch.send_at) continue;
    if (!batch.first_sent) batch.first_sent = now;
    batch.is_sent = true;
    --waiting_;
    return Ready{number, batch.arguments};
  }
  return std::nullopt;
}

void PutBatches::on_answer(std::uint64_t number, const Reply& reply, TimePoint now) {
  const auto at = batches_.find(number);
  if (at == batches_.end() || !at->second.is_sent || failure_) return;
  Batch& batch = at->second;
  batch.is_sent = false;
  if (reply.status != Code::kOk) return try_again(batch, {reply.status, reply.info.message}, now);
  PackedReader reader(reply.result);
  if (reader.read_array() != batch.count) {
    failure_ = Error{Code::kInternal, "the broker's answer to a BATCH cannot be read"};
    return;
  }
  std::uint64_t stored = 0;
  std::uint64_t kept = 0;
  for (std::size_t i = 0; i < batch.count; ++i) {
    const bool is_item = reader.read_array() == 3u;
    const auto name = is_item ? reader.read_str() : std::nullopt;
    const auto status = name == "OK" ? Code::kOk : name ? code_of(*name).value_or(Code::kInternal) : Code::kInternal;
    const bool is_read = name && reader.read_value();
    const auto info = is_read ? reader.read_value() : std::nullopt;
    if (status == Code::kOk || (keeps_ && status == Code::kAlreadyExists)) {
      ++(status == Code::kOk ? stored : kept);
      continue;
    }
    const auto told = info ? read_info(*info) : Result<ReplyInfo>(Error{});
    return try_again(batch, {status, told ? told->message : std::string()}, now);
  }
  stored_ += stored;
  kept_ += kept;
  held_ -= batch.arguments.size();
  const auto stream = streams_.find(batch.stream);
  if (--stream->second.batches == 0 && stream->second.count == 0) streams_.erase(stream);
  batches_.erase(at);
}

void PutBatches::try_again(Batch& batch, const Error& error, TimePoint now) {
  const bool is_tried = passes_with_time(error.code) && now - *batch.first_sent < patience_;
  batch.send_at = now + kPauseBeforeResend;
  ++waiting_;
  if (!is_tried) failure_ = error;
}

}  // namespace trellis
