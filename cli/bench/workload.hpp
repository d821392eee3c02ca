// What the bench does: workloads, and the requests that they are made of.
//
// Requests are made from templates: each is packed once, then only its id, keys and numbers are written in place, so
// that making one costs about as much as copying it.
//
// Keys are `key:` and twelve digits.  A document is {"n": number, "s": letters}, exactly as large as was asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/bench/keys.hpp"
#include "protocol/command.hpp"

namespace trellis {

enum class Operation : std::uint8_t {
  kRead,             ///< GET
  kUpdate,           ///< PUT of a key that there is
  kInsert,           ///< PUT of a new key
  kScan,             ///< SCAN of 1 to 100 records
  kReadModifyWrite,  ///< GET, then PUT of the same key
  kQuery,            ///< QUERY of a number in a document
  kCompute,          ///< COMPUTE of two variables
  kKeys,             ///< KEYS, a page of 100
  kIncrement,        ///< PATCH that adds 1 to the number in a document
};
constexpr std::size_t kOperations = 9;
std::string_view name_of(Operation operation);

struct Workload {
  struct Part {
    Operation operation;
    int percent;
  };
  std::string_view name;
  std::vector<Part> parts;  ///< Together 100 percent.
  Distribution distribution;

  Operation next(BenchRandom& random) const;
  /// Whether all of it may stand in a BATCH; a write that waits for its read may not.
  bool packs() const;
  /// As people read it: 95 % read, 5 % insert
  std::string text() const;
};

/// a to f are YCSB's; put, get, query, compute, keys and increment are plain.
const std::vector<Workload>& workloads();
const Workload* find_workload(std::string_view name);

constexpr std::size_t kBenchDocumentMin = 16;  ///< Bytes.
constexpr std::uint32_t kScanRecordsMax = 100;

/// The key of a number.
std::string bench_key(std::uint64_t number);
/// A document of so many bytes; the same letters each time.
std::string bench_document(std::size_t size, std::uint32_t number);

/// Makes the frames of requests, one at a time, in memory of its own.
class RequestMaker {
 public:
  struct Settings {
    std::size_t document_size = 64;
    std::chrono::milliseconds timeout = kTimeoutDefault;
    bool stale = false;
  };
  /// The values of one operation.
  struct Values {
    Operation operation = Operation::kRead;
    std::uint64_t key = 0;
    std::uint64_t second_key = 0;  ///< kCompute
    std::uint32_t number = 0;      ///< The document's "n"; kScan: records.
  };

  explicit RequestMaker(const Settings& settings);

  /// The frame of one operation; holds until the next call.  kReadModifyWrite gives its GET.
  std::string_view single(std::uint64_t id, const Values& values);
  /// A BATCH: begin, add each, end.
  void begin_batch(std::uint64_t id, std::size_t operations);
  void add(const Values& values);
  std::string_view end_batch();

 private:
  /// A packed command with its arguments, and where in it what has to be written.
  struct Template {
    std::string bytes;
    std::vector<std::size_t> keys;  ///< Where their digits begin.
    std::size_t number = 0;         ///< 4 bytes, big-endian; 0: there is none.
    std::string tail;               ///< Options of the request; empty: none.
    std::string item_tail;          ///< Options of a batch's item.
  };
  Template make(Operation operation, const Settings& settings) const;
  void append(const Template& with, const Values& values);

  std::vector<Template> templates_;
  std::string batch_tail_;
  std::string buffer_;
};

}  // namespace trellis
