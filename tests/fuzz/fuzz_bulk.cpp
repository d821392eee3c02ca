// What travels in bulk: headers that are read are written the same again, and a receiver that is given any slices keeps
// no more than it was sent.  The input is a list of items: type, sizes of header and body (a byte each), their bytes.
#include "protocol/check.hpp"
#include "protocol/cluster/bulk_link.hpp"
#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  const std::string_view bytes = text_of(data, size);
  if (const auto slice = bulk::read_slice(bytes, 1)) CHECK(bulk::pack(*slice) == bytes);
  if (const auto mark = bulk::read_mark(bytes)) CHECK(bulk::pack(*mark) == bytes);
  if (const auto reached = bulk::read_reached(bytes)) CHECK(bulk::pack(*reached) == bytes);

  BulkRoom room;
  BulkLink link(7, room);
  BundleWriter answer;
  const TimePoint now{std::chrono::seconds(1)};
  link.out.add(answer, {1, "header", Frame(std::string(3 * bulk::kWholeMax, 'x')), 1}, now);
  std::size_t sent = 0;
  FieldReader fields(bytes);
  while (fields.ok() && !fields.rest().empty()) {
    const auto type = static_cast<std::uint8_t>(200 + fields.u8() % 3);
    const std::uint8_t header_size = fields.u8();
    const std::uint8_t body_size = fields.u8();
    const std::string_view header = fields.raw(header_size);
    const std::string_view body = fields.raw(body_size);
    if (!fields.ok()) break;
    sent += body.size();
    const auto whole = link.on_item({type, header, Frame(std::string(body))}, answer, now);
    if (whole && *whole) CHECK((*whole)->body.size() <= sent);
    CHECK(link.in.on_mark({}).received <= sent && room.held <= sent);
    if (link.out.has_more(now)) link.out.fill(answer, now);
    CHECK(link.out.bytes_under_way() <= link.out.window() + link.out.portion());
  }
  return 0;
}
