#include "worker/log/contents.hpp"

#include <algorithm>

namespace trellis {
namespace {

struct Applier {
  LogContents& contents;
  const Place& place;

  bool operator()(const EntryRecord& record) const { return contents.entries.set(record.group, record.index, place); }
  bool operator()(const TruncateRecord& record) const {
    contents.entries.truncate(record.group, record.from);
    return true;
  }
  bool operator()(const CutRecord& record) const {
    contents.entries.cut(record.group, record.first);
    return true;
  }
  bool operator()(const PutRecord& record) const {
    contents.records.insert_or_assign(std::string(record.name), std::string(record.value));
    return true;
  }
  bool operator()(const RemoveRecord& record) const {
    auto& records = contents.records;
    if (record.from < record.to) records.erase(records.lower_bound(record.from), records.lower_bound(record.to));
    return true;
  }
  bool operator()(const FreedRecord& record) const {
    contents.freed_before = std::max(contents.freed_before, record.before);
    return true;
  }
  /// Read beforehand, with the segment that it begins.
  bool operator()(const SegmentsRecord&) const { return true; }
  /// It stands in the last batch of a segment, which is read only where the segment that it names is not there.
  bool operator()(const NextRecord&) const { return false; }
};

}  // namespace

bool LogContents::apply(const Record& record, const Place& place) { return std::visit(Applier{*this, place}, record); }

}  // namespace trellis
