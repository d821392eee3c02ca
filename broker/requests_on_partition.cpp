// The part of Requests that begins what names its partition itself: fences, and what was frozen at them.
#include "broker/merge/make_merger.hpp"
#include "broker/requests.hpp"
#include "protocol/fence.hpp"

namespace trellis {

/// What was frozen is the same on each replica, and so any of them is asked for it.
void Requests::begin_on_one_partition(Entry& entry, TimePoint now) {
  if (const auto checked = check_arguments(entry.request); !checked) return finish(entry, answer_of(checked.error()));
  const auto partition = read_routing_partition(entry.request.arguments);
  if (!partition || *partition >= router_.partition_count()) {
    return finish(entry, answer_of(invalid_argument("no such partition: there are " +
                                                    std::to_string(router_.partition_count()) + ", from 0")));
  }
  Subrequest subrequest;
  subrequest.partition = PartitionId{*partition};
  subrequest.client = entry.client->number;
  subrequest.command = entry.request.command;
  subrequest.id = entry.request.id;
  subrequest.stale = entry.request.command == Command::kFenceRead;
  subrequest.writes = row_of(entry.request.command).effect == Effect::kManages;
  subrequest.body = entry.frame.slice(entry.request.body);
  const WriteIdentity identity = subrequest.writes ? identity_of(entry) : WriteIdentity{};
  const Tag tag = entry.tag;
  const Tag call = calls_->start(tag, std::move(subrequest), identity, entry.deadline, now);
  if (call != 0) entry.asked.push_back({call, 0});
}

void Requests::begin_recovery(Entry& entry, TimePoint now) {
  const auto wanted = read_recovery(entry.request.arguments);
  if (!wanted) return finish(entry, answer_of(wanted.error()));
  recoveries_->begin(entry.tag, *wanted, entry.request.options.dry_run, entry.deadline, now);
}

void Requests::on_recovered(Tag tag, MergedAnswer answer, TimePoint now) {
  now_ = now;
  if (Entry* const entry = pool_.find(tag)) finish(*entry, std::move(answer));
}

}  // namespace trellis
