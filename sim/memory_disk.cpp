#include "sim/memory_disk.hpp"

#include <algorithm>
#include <cstring>

#include "worker/log/sector.hpp"

namespace trellis::sim {
namespace {

Error full(const std::string& name) { return {Code::kResourceExhausted, name + ": the disk is full"}; }
Error failed(const std::string& name) { return {Code::kInternal, name + ": the disk has failed"}; }

}  // namespace

class MemoryDisk::File final : public DiskFile {
 public:
  File(MemoryDisk& disk, std::string name, std::shared_ptr<Content> content)
      : disk_(disk), name_(std::move(name)), content_(std::move(content)) {}

  std::uint64_t size() const override { return content_->cached.size(); }

  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    if (disk_.is_failing) return disk_.had_trouble_ = true, failed(name_);
    if (disk_.is_full && offset + bytes.size() > size()) return disk_.had_trouble_ = true, full(name_);
    disk_.write(content_, offset, bytes);
    return {};
  }
  Result<void> reserve(std::uint64_t size) override {
    if (disk_.is_failing) return disk_.had_trouble_ = true, failed(name_);
    if (disk_.is_full && size > this->size()) return disk_.had_trouble_ = true, full(name_);
    for (std::string* bytes : {&content_->cached, &content_->durable}) bytes->resize(std::max(size, this->size()));
    return {};
  }
  Result<void> zero(std::uint64_t offset, std::uint64_t size) override {
    return write_at(offset, std::string(static_cast<std::size_t>(size), '\0'));
  }
  Result<void> sync() override {
    if (disk_.is_failing) {
      disk_.had_trouble_ = true;
      content_->dirty.clear();  // The system does not try again, and goes on showing what was written.
      return failed(name_);
    }
    disk_.sync(*content_);
    return {};
  }
  Result<void> read(std::uint64_t offset, char* out, std::size_t count) const override {
    if (offset + count > size()) return failed(name_);
    std::memcpy(out, content_->cached.data() + offset, count);
    return {};
  }

 private:
  MemoryDisk& disk_;
  std::string name_;
  std::shared_ptr<Content> content_;
};

Result<std::vector<std::string>> MemoryDisk::list() const {
  std::vector<std::string> names;
  for (const auto& [name, content] : files_) names.push_back(name);
  return names;
}

Result<std::shared_ptr<DiskFile>> MemoryDisk::open(const std::string& name) {
  const auto file = files_.find(name);
  if (file == files_.end()) return Error{Code::kInternal, name + ": is not there"};
  return std::shared_ptr<DiskFile>(std::make_shared<File>(*this, name, file->second));
}

Result<std::shared_ptr<DiskFile>> MemoryDisk::create(const std::string& name) {
  if (is_full) return had_trouble_ = true, full(name);
  if (is_failing) return had_trouble_ = true, failed(name);
  files_[name] = std::make_shared<Content>();
  return open(name);
}

Result<void> MemoryDisk::rename(const std::string& from, const std::string& to) {
  auto file = files_.extract(from);
  if (file.empty()) return failed(from);
  files_[to] = std::move(file.mapped());
  return {};
}

Result<void> MemoryDisk::remove(const std::string& name) {
  files_.erase(name);
  return {};
}

void MemoryDisk::write(const std::shared_ptr<Content>& content, std::uint64_t offset, std::string_view bytes) {
  std::string& cached = content->cached;
  if (offset + bytes.size() > cached.size()) cached.resize(offset + bytes.size());
  // What was wrong there is so no more.
  const auto is_overwritten = [&](const Patch& patch) {
    return patch.content == content && patch.offset < offset + bytes.size() &&
           offset < patch.offset + patch.bytes.size();
  };
  std::erase_if(lost_, is_overwritten);
  std::erase_if(mends_, is_overwritten);
  if (astray_ != Astray::kNo && !is_zero(bytes.data())) lose(content, offset, bytes);
  std::memcpy(cached.data() + offset, bytes.data(), bytes.size());
  for (std::uint64_t at = offset / kSectorSize; at * kSectorSize < offset + bytes.size(); ++at) {
    content->dirty.insert(at);
  }
  if (is_zero(bytes.data())) return;
  last_written_ = content;
  last_offset_ = offset;
}

void MemoryDisk::lose(const std::shared_ptr<Content>& content, std::uint64_t offset, std::string_view bytes) {
  const Astray how = std::exchange(astray_, Astray::kNo);
  had_trouble_ = true;
  const std::string& cached = content->cached;
  lost_.push_back({content, offset, cached.substr(offset, bytes.size()), batches_});
  mends_.push_back({content, offset, std::string(bytes), batches_});
  if (how != Astray::kMisdirected || cached.size() < bytes.size() + kBlockSize) return;
  const std::uint64_t blocks = (cached.size() - bytes.size()) / kBlockSize;
  const std::uint64_t other = random_() % blocks * kBlockSize;
  if (other + bytes.size() > offset && other < offset + bytes.size()) return;
  lost_.push_back({content, other, std::string(bytes), batches_});
  mends_.push_back({content, other, cached.substr(other, bytes.size()), batches_});
}

void MemoryDisk::sync(Content& content) {
  if (!has_syncs) return;
  content.durable.resize(content.cached.size());
  for (const std::uint64_t sector : content.dirty) {
    const std::size_t at = sector * kSectorSize;
    const std::size_t count = std::min(kSectorSize, content.cached.size() - at);
    std::memcpy(content.durable.data() + at, content.cached.data() + at, count);
  }
  content.dirty.clear();
}

void MemoryDisk::patch(const Patch& patch) {
  for (std::string* bytes : {&patch.content->cached, &patch.content->durable}) {
    if (patch.offset + patch.bytes.size() > bytes->size()) continue;
    std::memcpy(bytes->data() + patch.offset, patch.bytes.data(), patch.bytes.size());
  }
}

void MemoryDisk::crash(bool power_cut) {
  astray_ = Astray::kNo;
  // The batch that went astray, and one behind it, were durable as far as anybody knew.
  for (const Patch& each : lost_) {
    if (batches_ >= each.batch + 2) patch(each);
  }
  lost_.clear();
  if (!power_cut) return;
  for (auto& [name, content] : files_) {
    // Nothing, all, or any part of what was not synced.
    const std::uint64_t share = random_() % 3;
    const std::set<std::uint64_t> dirty = std::exchange(content->dirty, {});
    for (const std::uint64_t sector : dirty) {
      if (share == 2 || (share == 1 && random_() % 2 == 0)) content->dirty.insert(sector);
    }
    const bool had_syncs = std::exchange(has_syncs, true);
    if (!content->dirty.empty()) sync(*content);  // Else the file keeps the length that was synced.
    has_syncs = had_syncs;
    content->cached = content->durable;
  }
}

bool MemoryDisk::flip_bit() {
  if (last_written_ != nullptr && random_() % 2 == 0) return flip_in(last_written_, last_offset_);
  std::vector<std::shared_ptr<Content>> written;
  for (const auto& [name, content] : files_) {
    if (!content->durable.empty()) written.push_back(content);
  }
  if (written.empty()) return false;
  const auto& content = written[random_() % written.size()];
  std::vector<std::uint64_t> places;
  for (std::uint64_t at = 0; at + kSectorSize <= content->durable.size(); at += kSectorSize) {
    if (!is_zero(content->durable.data() + at)) places.push_back(at);
  }
  return !places.empty() && flip_in(content, places[random_() % places.size()]);
}

bool MemoryDisk::flip_in(const std::shared_ptr<Content>& content, std::uint64_t sector) {
  if (content->dirty.contains(sector / kSectorSize) || sector + kSectorSize > content->durable.size()) return false;
  const std::uint64_t at = sector + random_() % kSectorSize;
  const char flipped = static_cast<char>(content->durable[at] ^ (1 << random_() % 8));
  mends_.push_back({content, at, content->cached.substr(at, 1), batches_});
  patch({content, at, std::string(1, flipped), batches_});
  had_trouble_ = true;
  return true;
}

void MemoryDisk::mend() {
  is_full = is_failing = false;
  astray_ = Astray::kNo;
  lost_.clear();
  for (auto each = mends_.rbegin(); each != mends_.rend(); ++each) patch(*each);
  mends_.clear();
}

MemoryDisk::Image MemoryDisk::image() const {
  Image image;
  for (const auto& [name, content] : files_) image[name] = content->cached;
  return image;
}

void MemoryDisk::put_back(const Image& image) {
  files_.clear();
  last_written_.reset();
  for (const auto& [name, bytes] : image) {
    files_[name] = std::make_shared<Content>(Content{bytes, bytes, {}});
  }
  lost_.clear();
  mends_.clear();
}

std::uint64_t MemoryDisk::bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [name, content] : files_) bytes += content->cached.size();
  return bytes;
}

}  // namespace trellis::sim
