#include "worker/joint_work.hpp"

#include "protocol/limits.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

CommandResult no_room() {
  return CommandResult::failed(Code::kResourceExhausted, "the reply has no room for this result");
}

}  // namespace

Result<std::unique_ptr<JointWork>> JointWork::make(BrokerIndex broker, WorkerRequest request, TimePoint now) {
  auto reads = read_joint_reads(request.body.bytes());
  if (!reads) return reads.error();
  return std::unique_ptr<JointWork>(new JointWork(broker, std::move(request), std::move(*reads), now));
}

JointWork::JointWork(BrokerIndex broker, WorkerRequest request, JointReads reads, TimePoint now)
    : broker_(broker),
      request_(std::move(request)),
      parts_(std::move(reads.parts)),
      items_(reads.items),
      arrived_(now),
      deadline_(now + std::chrono::milliseconds(request_.timeout_ms)) {
  std::size_t items = 0;
  for (const JointPart& part : parts_) items += part.items;
  body_.assign(joint_terms_size(parts_.size()), '\0');
  PackedWriter(body_).array(items);
  outcomes_begin_ = body_.size();
  terms_.reserve(parts_.size());
}

JobTurn JointWork::go_on(PartitionHost& host, Effort most) {
  JobTurn turn;
  searches_.clear();
  while (!is_refused()) {
    if (next_ == sought_.size() && !look_ahead(host)) return turn;
    const Partition* partition = nullptr;
    for (std::size_t part = parts_.size(); next_ < sought_.size(); ++next_) {
      turn.is_done = turn.taken < most;
      if (!turn.is_done) return turn;
      const Sought& sought = sought_[next_];
      if (sought.part != part) partition = still_led(host, part = sought.part);
      if (partition == nullptr) {
        refuse(Outcome::kNotLeader);
        return turn;
      }
      const Effort taken = answer(*partition, sought.item, searches_.empty() ? nullptr : &searches_[next_]);
      turn.taken += taken;
      taken_ += taken;
      // The broker asks for the others by partition.
      has_no_room_ = has_no_room_ || taken_ > Partition::kSuspectEffort;
    }
  }
  return turn;
}

/// Prepares what is to be read next, and has it found.  False: there is nothing, or it was refused.
bool JointWork::look_ahead(PartitionHost& host) {
  sought_.clear();
  searches_.clear();
  next_ = 0;
  while (sought_.size() < kTogether) {
    BatchItem item;
    const auto is_good = items_.next(item);
    if (!is_good) break;
    while (*is_good && left_ == 0) {
      if (!begin_next_part(host)) return false;
    }
    if (!*is_good) {
      refuse(Outcome::kWrongPartition);
      return false;
    }
    --left_;
    const Sought& sought = sought_.emplace_back(Sought{terms_.size() - 1, prepare_read_alone(item)});
    host.find_partition(parts_[sought.part].partition)->seek(sought.item, searches_);
  }
  if (sought_.empty() && (left_ != 0 || terms_.size() != parts_.size())) refuse(Outcome::kWrongPartition);
  descend_together(searches_);
  return !sought_.empty();
}

/// All that was ever acknowledged is applied on a leader that serves.  Whether it still leads, others tell the broker:
/// the voters of the configuration that it knows.
bool JointWork::begin_next_part(PartitionHost& host) {
  if (terms_.size() == parts_.size()) {
    refuse(Outcome::kWrongPartition);  // There are more items than it says.
    return false;
  }
  const JointPart& part = parts_[terms_.size()];
  const Partition* const partition = host.find_partition(part.partition);
  if (partition == nullptr || !partition->replica().is_ready() ||
      partition->replica().configuration_index() != part.configuration) {
    refuse(Outcome::kNotLeader);
    return false;
  }
  terms_.push_back({partition->replica().term(), part.configuration});
  left_ = part.items;
  return true;
}

/// The partition of a part that was begun, as long as it is led as it was then.
const Partition* JointWork::still_led(PartitionHost& host, std::size_t part) {
  const Partition* const partition = host.find_partition(parts_[part].partition);
  if (partition == nullptr || !partition->replica().is_ready()) return nullptr;
  const JointTerm now{partition->replica().term(), partition->replica().configuration_index()};
  return now == terms_[part] ? partition : nullptr;
}

/// Returns what it took.
Effort JointWork::answer(const Partition& partition, const PreparedItem& item, const TrieSearch* search) {
  const Read* const read = item.read();
  if (read == nullptr) {
    add(item.index, *item.answer());
    return kItemEffort;
  }
  if (has_no_room_) {
    add(item.index, no_room());
    return kItemEffort;
  }
  const CommandResult result = partition.read_now(*read, search);
  add(item.index, result);
  return 2 * kItemEffort + result.effort + copy_effort(result.packed.size());
}

void JointWork::add(std::uint32_t index, const CommandResult& result) {
  const std::size_t size = body_.size() + result.packed.size();
  const bool is_first = body_.size() == outcomes_begin_;
  const bool is_beyond = request_.page_bytes != 0 && size > request_.page_bytes && !is_first;
  if (!is_beyond && size <= Partition::kBatchReplyMax) return pack_batch_item(body_, index, result);
  has_no_room_ = true;
  pack_batch_item(body_, index, no_room());
}

WorkerReply JointWork::reply() && {
  WorkerReply reply;
  reply.tag = request_.tag;
  reply.attempt = request_.attempt;
  reply.client = request_.client;
  reply.partition = request_.partition;
  reply.outcome = outcome_;
  if (is_refused()) return reply;
  body_.replace(0, joint_terms_size(parts_.size()), pack_joint_terms(terms_));
  reply.body = Frame(std::move(body_));
  return reply;
}

}  // namespace trellis
