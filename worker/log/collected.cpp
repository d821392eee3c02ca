#include "worker/log/collected.hpp"

#include "protocol/check.hpp"

namespace trellis {

void Collected::add(const EntryRecord& entry) {
  const std::size_t at = batch_.position();
  batch_.add(pack_entry_head(entry));
  batch_.add(entry.payload);
  changes_.emplace_back(Entry{entry.group, entry.index, static_cast<std::uint32_t>(at),
                              static_cast<std::uint32_t>(batch_.position() - at)});
  if (!entry.is_moved) payload_ += entry.payload.size();
}

void Collected::add(const TruncateRecord& record) {
  batch_.add(pack(record));
  changes_.emplace_back(record);
  taken_from_.insert(record.group);
}

void Collected::add(const CutRecord& record) {
  batch_.add(pack(record));
  changes_.emplace_back(record);
  taken_from_.insert(record.group);
}

void Collected::add(const PutRecord& record) {
  batch_.add(pack(record));
  changes_.emplace_back(Put{std::string(record.name), std::string(record.value)});
}

void Collected::add(const RemoveRecord& record) {
  batch_.add(pack(record));
  changes_.emplace_back(Remove{std::string(record.from), std::string(record.to)});
}

void Collected::add(const FreedRecord& record) { batch_.add(pack(record)); }

void Collected::apply_to(LogContents& contents, std::uint32_t file, std::uint32_t begin) const {
  for (const Change& change : changes_) {
    if (const auto* entry = std::get_if<Entry>(&change)) {
      CHECK(contents.entries.set(entry->group, entry->index, Place{file, begin + entry->at, entry->size}));
    } else if (const auto* truncation = std::get_if<TruncateRecord>(&change)) {
      contents.entries.truncate(truncation->group, truncation->from);
    } else if (const auto* cut = std::get_if<CutRecord>(&change)) {
      contents.entries.cut(cut->group, cut->first);
    } else if (const auto* put = std::get_if<Put>(&change)) {
      CHECK(contents.apply(PutRecord{put->name, put->value}, {}));
    } else if (const auto* remove = std::get_if<Remove>(&change)) {
      CHECK(contents.apply(RemoveRecord{remove->from, remove->to}, {}));
    }
  }
}

void Collected::clear() {
  batch_.clear();
  changes_.clear();
  taken_from_.clear();
  payload_ = 0;
}

}  // namespace trellis
