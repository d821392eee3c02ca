// LogStore: where a worker's replicas keep log, term and vote; ordered keys, batches that become durable as one.
//
// Everything that one turn of the loop collects is one batch, written with one sync.  At most one batch is under way;
// what comes meanwhile is collected for the next.  A batch that fails leaves nobody knowing what the disk holds, so the
// store has then failed for good (docs/libraft.md, R10) and the worker stops.
//
// Used by the loop's thread alone; an implementation may write in a thread of its own.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace trellis {

class LogStore {
 public:
  virtual ~LogStore() = default;

  // Collecting.  A value comes in two parts, so that a head and a payload need not be joined first.
  virtual void put(std::string_view key, std::string_view head, std::string_view payload) = 0;
  /// Removes the keys in [from, to).
  virtual void remove_range(std::string_view from, std::string_view to) = 0;
  /// Whether anything has been collected since the last start_write().
  virtual bool has_collected() const = 0;

  /// Begins to make the collected batch durable, or makes it durable at once.  Only while is_writing() is false.
  virtual void start_write() = 0;
  virtual bool is_writing() const = 0;
  /// How long the last batch took to become durable; while is_writing() is false.
  virtual Duration write_took() const = 0;
  /// True once the batch under way is durable, which ends is_writing().  Error: the store has failed.
  virtual Result<bool> finish_write() = 0;

  // Reading, at start: sees what is durable.
  virtual Result<std::optional<std::string>> get(std::string_view key) = 0;
  /// Calls `visit` for each key in [from, to), in order, until it returns an error.
  virtual Result<void> scan(std::string_view from, std::string_view to,
                            const std::function<Result<void>(std::string_view, std::string_view)>& visit) = 0;
};

}  // namespace trellis
