#include "cli/bench/workload.hpp"

#include <algorithm>
#include <array>

#include "protocol/check.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

constexpr std::string_view kPrefix = "key:";
constexpr std::size_t kDigits = 12;
constexpr std::size_t kKeysOfPage = 100;

void write_big_endian(char* to, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i, value >>= 8) to[i] = static_cast<char>(value);
}

void write_digits(char* to, std::uint64_t number) {
  for (std::size_t i = kDigits; i-- > 0; number /= 10) to[i] = static_cast<char>('0' + number % 10);
}

/// A number packed in five bytes, whatever its value, so that it can be written in place.  @return where its value is
std::size_t append_number(std::string& out) {
  out.append("\xce\0\0\0\0", 5);
  return out.size() - 4;
}

/// The head of a str that, with `body` bytes for head and text together, is filled to the last.
std::size_t append_str_head(std::string& out, std::size_t body) {
  const int width = body - 1 <= 31 ? 0 : body - 2 <= 0xff ? 1 : body - 3 <= 0xffff ? 2 : 4;
  const std::size_t length = body - 1 - static_cast<std::size_t>(width);
  if (width == 0) {
    out.push_back(static_cast<char>(0xa0 | length));
    return length;
  }
  out.push_back(static_cast<char>(width == 1 ? 0xd9 : width == 2 ? 0xda : 0xdb));
  out.append(static_cast<std::size_t>(width), '\0');
  write_big_endian(out.data() + out.size() - width, length, width);
  return length;
}

/// Appends a document.  @return where its number is
std::size_t append_document(std::string& out, std::size_t size) {
  CHECK(size >= kBenchDocumentMin);
  const std::size_t begin = out.size();
  PackedWriter writer(out);
  writer.map(2).str("n");
  const std::size_t number = append_number(out);
  writer.str("s");
  const std::size_t length = append_str_head(out, size - (out.size() - begin));
  BenchRandom letters(1);  // A compressor gains nothing by them.
  for (std::size_t i = 0; i < length; ++i) out.push_back(static_cast<char>('0' + letters.below(75)));
  return number;
}

constexpr std::array<std::string_view, kOperations> kNames = {
    "read", "update", "insert", "scan", "read-modify-write", "query", "compute", "keys", "increment"};

bool is_write(Operation operation) {
  return operation == Operation::kUpdate || operation == Operation::kInsert || operation == Operation::kIncrement;
}

}  // namespace

std::string_view name_of(Operation operation) { return kNames[static_cast<std::size_t>(operation)]; }

Operation Workload::next(BenchRandom& random) const {
  if (parts.size() == 1) return parts.front().operation;
  int drawn = static_cast<int>(random.below(100));
  for (const Part& part : parts) {
    if (drawn < part.percent) return part.operation;
    drawn -= part.percent;
  }
  return parts.back().operation;
}

bool Workload::packs() const {
  return std::none_of(parts.begin(), parts.end(), [](const Part& part) {
    return part.operation == Operation::kScan || part.operation == Operation::kCompute ||
           part.operation == Operation::kKeys || part.operation == Operation::kReadModifyWrite;
  });
}

std::string Workload::text() const {
  std::string text;
  for (const Part& part : parts) {
    if (!text.empty()) text += ", ";
    text += std::to_string(part.percent) + " % " + std::string(name_of(part.operation));
  }
  return text;
}

const std::vector<Workload>& workloads() {
  using enum Operation;
  using enum Distribution;
  static const std::vector<Workload> kAll = {
      {"a", {{kRead, 50}, {kUpdate, 50}}, kZipfian},
      {"b", {{kRead, 95}, {kUpdate, 5}}, kZipfian},
      {"c", {{kRead, 100}}, kZipfian},
      {"d", {{kRead, 95}, {kInsert, 5}}, kLatest},
      {"e", {{kScan, 95}, {kInsert, 5}}, kZipfian},
      {"f", {{kRead, 50}, {kReadModifyWrite, 50}}, kZipfian},
      {"put", {{kUpdate, 100}}, kUniform},
      {"get", {{kRead, 100}}, kUniform},
      {"query", {{kQuery, 100}}, kUniform},
      {"compute", {{kCompute, 100}}, kUniform},
      {"keys", {{kKeys, 100}}, kUniform},
      {"increment", {{kIncrement, 100}}, kUniform},
  };
  return kAll;
}

const Workload* find_workload(std::string_view name) {
  for (const Workload& workload : workloads()) {
    if (workload.name == name) return &workload;
  }
  return nullptr;
}

std::string bench_key(std::uint64_t number) {
  std::string key(kPrefix);
  key.resize(kPrefix.size() + kDigits);
  write_digits(key.data() + kPrefix.size(), number);
  return key;
}

std::string bench_document(std::size_t size, std::uint32_t number) {
  std::string document;
  const std::size_t at = append_document(document, size);
  write_big_endian(document.data() + at, number, 4);
  return document;
}

RequestMaker::RequestMaker(const Settings& settings) {
  for (std::size_t i = 0; i < kOperations; ++i) templates_.push_back(make(static_cast<Operation>(i), settings));
  Options options;
  options.timeout = settings.timeout;
  if (options.timeout != kTimeoutDefault) pack_options(batch_tail_, options);
}

RequestMaker::Template RequestMaker::make(Operation operation, const Settings& settings) const {
  Template made;
  PackedWriter writer(made.bytes);
  const auto key = [&] {
    writer.str(bench_key(0));
    made.keys.push_back(made.bytes.size() - kDigits);
  };
  const auto path = [&] {
    writer.array(2);
    key();
    writer.str("n");
  };
  switch (operation) {
    case Operation::kRead:
    case Operation::kReadModifyWrite:
      writer.str("GET").array(1);
      key();
      break;
    case Operation::kUpdate:
    case Operation::kInsert:
      writer.str("PUT").array(2);
      key();
      made.number = append_document(made.bytes, settings.document_size);
      break;
    case Operation::kScan:
      writer.str("SCAN").array(3).str(kPrefix);
      made.number = append_number(made.bytes);
      key();
      break;
    case Operation::kQuery:
      writer.str("QUERY").array(1);
      path();
      break;
    case Operation::kCompute:
      writer.str("COMPUTE").array(2).str("2*x+y").map(2).str("x");
      path();
      writer.str("y");
      path();
      break;
    case Operation::kKeys:
      writer.str("KEYS").array(3).str(kPrefix).natural(kKeysOfPage);
      key();
      break;
    case Operation::kIncrement:
      writer.str("PATCH").array(2);
      key();
      writer.array(1).array(3).str("increment").array(1).str("n").natural(1);
      break;
  }
  Options options;
  options.stale = settings.stale && !is_write(operation);
  if (options.stale) pack_options(made.item_tail, options);
  options.timeout = settings.timeout;
  if (options.stale || options.timeout != kTimeoutDefault) pack_options(made.tail, options);
  return made;
}

void RequestMaker::append(const Template& with, const Values& values) {
  const std::size_t begin = buffer_.size();
  buffer_.append(with.bytes);
  char* const bytes = buffer_.data() + begin;
  if (!with.keys.empty()) write_digits(bytes + with.keys[0], values.key);
  if (with.keys.size() > 1) write_digits(bytes + with.keys[1], values.second_key);
  if (with.number != 0) write_big_endian(bytes + with.number, values.number, 4);
}

namespace {

/// [1, id (nine bytes), ...]
void begin_request(std::string& buffer, bool options, std::uint64_t id) {
  buffer.assign(options ? "\x95\x01\xcf\0\0\0\0\0\0\0\0" : "\x94\x01\xcf\0\0\0\0\0\0\0\0", 11);
  write_big_endian(buffer.data() + 3, id, 8);
}

}  // namespace

std::string_view RequestMaker::single(std::uint64_t id, const Values& values) {
  const Template& with = templates_[static_cast<std::size_t>(values.operation)];
  begin_request(buffer_, !with.tail.empty(), id);
  append(with, values);
  return buffer_.append(with.tail);
}

void RequestMaker::begin_batch(std::uint64_t id, std::size_t operations) {
  begin_request(buffer_, !batch_tail_.empty(), id);
  PackedWriter(buffer_).str("BATCH").array(1).array(operations);
}

void RequestMaker::add(const Values& values) {
  const Template& with = templates_[static_cast<std::size_t>(values.operation)];
  buffer_.push_back(with.item_tail.empty() ? '\x92' : '\x93');
  append(with, values);
  buffer_.append(with.item_tail);
}

std::string_view RequestMaker::end_batch() { return buffer_.append(batch_tail_); }

}  // namespace trellis
