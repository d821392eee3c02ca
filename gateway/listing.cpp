#include "gateway/listing.hpp"

#include "protocol/json.hpp"
#include "protocol/packed.hpp"

namespace trellis {

std::string Listing::next_arguments() const {
  const bool keys = row_of(plan_.route->command).result == ResultType::kKeys;
  return page_arguments(plan_.prefix, keys ? kStreamedKeys : kStreamedRecords, after_);
}

Result<std::string> Listing::on_page(const Reply& reply) {
  if (reply.status != Code::kOk) return Error{reply.status, reply.info.message};
  if (begun_ && guaranteed_ && !reply.info.guaranteed) {
    return Error{Code::kUnavailable, "the rest of the listing can no longer be guaranteed"};
  }
  guaranteed_ = reply.info.guaranteed;
  const bool lines = plan_.format == Format::kJsonLines;
  std::string text = begun_ || lines ? "" : "[";
  begun_ = true;
  PackedReader reader(reply.result);
  std::string_view last;
  for (auto left = reader.read_array().value_or(0); left > 0; --left) {
    const auto element = reader.read_value();
    if (!element) return Error{Code::kInternal, "a broken page came from the cluster"};
    last = *element;
    if (!lines) text += empty_ ? "\n" : ",\n";
    text += to_json(last);
    if (lines) text += "\n";
    empty_ = false;
  }
  finished_ = !reply.info.more || (last.empty() && !reply.info.after);
  if (!finished_ && reply.info.after) {
    after_ = *reply.info.after;
  } else if (!finished_) {
    PackedReader record(last);
    if (row_of(plan_.route->command).result == ResultType::kRecords && !record.read_array())
      return Error{Code::kInternal, "no record"};
    after_ = std::string(record.read_bytes().value_or(""));
  } else if (!lines) {
    text += empty_ ? "]\n" : "\n]\n";
  }
  return text;
}

}  // namespace trellis
