// bench-value-hash: what the hash of a value costs that tells a retry from another request (protocol/value_hash.hpp).
//
// Prints microseconds a KiB for documents of several shapes; the bound is 0.5 for those that people store.
#include <chrono>
#include <cstdio>
#include <string>

#include "protocol/packed.hpp"
#include "protocol/value_hash.hpp"

namespace {

using trellis::PackedWriter;

std::string record() {
  std::string out;
  PackedWriter writer(out);
  writer.map(12).str("name").str("Mary Papadopoulou").str("email").str("mary.papadopoulou@example.org");
  writer.str("age").natural(41).str("height").float64(1.71).str("active").boolean(true).str("manager").nil();
  writer.str("address").map(3).str("street").str("Panepistimiou").str("number").natural(12).str("city").str("Athens");
  writer.str("tags").array(4).str("staff").str("remote").str("night").str("first-aid");
  writer.str("created").natural(1764374400).str("updated").natural(1764374977).str("logins").natural(3021);
  writer.str("note").str("Prefers to be called in the morning; speaks Greek, English and some French.");
  return out;
}

std::string records(std::size_t count) {
  std::string out;
  PackedWriter writer(out);
  writer.array(count);
  for (std::size_t i = 0; i < count; ++i) writer.packed(record());
  return out;
}

std::string small_pairs(std::size_t count) {
  std::string out;
  PackedWriter writer(out);
  writer.map(count);
  for (std::size_t i = 0; i < count; ++i) writer.str(std::to_string(i)).natural(i % 100);
  return out;
}

std::string array_of(std::size_t count, void (*write)(PackedWriter&, std::size_t)) {
  std::string out;
  PackedWriter writer(out);
  writer.array(count);
  for (std::size_t i = 0; i < count; ++i) write(writer, i);
  return out;
}

void measure(const char* shape, const std::string& packed) {
  using Clock = std::chrono::steady_clock;
  const std::size_t rounds = 1 + (200u << 20) / packed.size();
  std::uint64_t sum = 0;
  const auto begun = Clock::now();
  for (std::size_t i = 0; i < rounds; ++i) sum += trellis::hash_of_value(packed, sum);
  const double microseconds = std::chrono::duration<double, std::micro>(Clock::now() - begun).count();
  const double kib = static_cast<double>(rounds * packed.size()) / 1024;
  std::printf("%-34s %8zu bytes  %.3f us a KiB  (%016llx)\n", shape, packed.size(), microseconds / kib,
              static_cast<unsigned long long>(sum));
}

}  // namespace

int main() {
  std::string text;
  PackedWriter(text).str(std::string(1000, 'x'));
  measure("a record", record());
  measure("1,000 records", records(1000));
  measure("a str", text);
  measure("floats", array_of(1000, [](PackedWriter& writer, std::size_t i) { writer.float64(0.5 * i); }));
  measure("small integers", array_of(1000, [](PackedWriter& writer, std::size_t i) { writer.natural(i % 100); }));
  measure("short strs", array_of(1000, [](PackedWriter& writer, std::size_t i) { writer.str(std::to_string(i)); }));
  measure("pairs of some bytes", small_pairs(1000));
}
