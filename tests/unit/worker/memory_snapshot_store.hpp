// A SnapshotStore in memory, whose files a test can look at, damage, and make fail.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "worker/snapshot/snapshot_store.hpp"

namespace trellis {

class MemorySnapshotStore final : public SnapshotStore {
 public:
  std::map<std::string, std::string> files;
  std::size_t space_left = SIZE_MAX;  ///< Bytes; a write beyond fails.
  bool syncs_fail = false;

  Result<std::unique_ptr<SnapshotSink>> create(const std::string& name) override {
    return std::unique_ptr<SnapshotSink>(std::make_unique<Sink>(*this, name));
  }
  Result<std::unique_ptr<SnapshotSource>> open(const std::string& name) const override {
    const auto file = files.find(name);
    if (file == files.end()) return Error{Code::kNotFound, name};
    return std::unique_ptr<SnapshotSource>(std::make_unique<Source>(file->second));
  }
  Result<void> remove(const std::string& name) override {
    files.erase(name);
    return {};
  }
  Result<std::vector<std::string>> list() const override {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files) names.push_back(name);
    return names;
  }

 private:
  struct Sink final : SnapshotSink {
    Sink(MemorySnapshotStore& to, std::string as) : store(to), name(std::move(as)) {}
    Result<void> write(std::string_view bytes) override {
      if (bytes.size() > store.space_left) return Error{Code::kResourceExhausted, "no space left"};
      store.space_left -= bytes.size();
      content.append(bytes);
      return {};
    }
    Result<void> sync() override {
      return store.syncs_fail ? Error{Code::kInternal, "the sync failed"} : Result<void>();
    }
    Result<void> commit() override {
      store.files[name] = std::move(content);
      return {};
    }
    MemorySnapshotStore& store;
    std::string name;
    std::string content;
  };
  struct Source final : SnapshotSource {
    explicit Source(std::string bytes) : content(std::move(bytes)) {}
    std::uint64_t size() const override { return content.size(); }
    Result<std::string> read(std::uint64_t offset, std::size_t count) const override {
      return offset < content.size() ? content.substr(offset, count) : std::string();
    }
    std::string content;
  };
};

}  // namespace trellis
