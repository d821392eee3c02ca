#include "protocol/cluster/bulk.hpp"

namespace trellis::bulk {

std::string pack(const Slice& slice) {
  std::string out;
  FieldWriter(out).u64(slice.item).u64(slice.offset).u64(slice.total).u8(slice.type).raw(slice.header);
  return out;
}

std::string pack(const Mark& mark) {
  std::string out;
  FieldWriter(out).u64(mark.stream).u64(mark.position);
  return out;
}

std::string pack(const Reached& reached) {
  std::string out;
  FieldWriter(out).u64(reached.mark.stream).u64(reached.mark.position).u64(reached.item).u64(reached.received);
  return out;
}

Result<Slice> read_slice(std::string_view header, std::size_t body_size) {
  FieldReader fields(header);
  Slice slice;
  slice.item = fields.u64();
  slice.offset = fields.u64();
  slice.total = fields.u64();
  slice.type = fields.u8();
  slice.header = fields.rest();
  const bool is_first = slice.offset == 0;
  if (!fields.ok() || slice.item == 0 || is_bulk_type(slice.type) || slice.header.size() > kHeaderSizeMax ||
      (!is_first && !slice.header.empty())) {
    return invalid_argument("a broken slice");
  }
  if (slice.total > kItemSizeMax || body_size == 0 || slice.offset > slice.total ||
      body_size > slice.total - slice.offset) {
    return invalid_argument("a slice that does not lie inside its item");
  }
  return slice;
}

Result<Mark> read_mark(std::string_view header) {
  FieldReader fields(header);
  const Mark mark{fields.u64(), fields.u64()};
  if (!fields.at_end()) return invalid_argument("a broken mark");
  return mark;
}

Result<Reached> read_reached(std::string_view header) {
  FieldReader fields(header);
  const Reached reached{{fields.u64(), fields.u64()}, fields.u64(), fields.u64()};
  if (!fields.at_end()) return invalid_argument("a broken report of a mark");
  return reached;
}

}  // namespace trellis::bulk
