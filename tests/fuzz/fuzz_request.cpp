// Requests: one that is read can be packed and read again, and its arguments get values or errors.
#include "protocol/check.hpp"
#include "protocol/command.hpp"
#include "protocol/document.hpp"
#include "protocol/packed.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace trellis {
namespace {

void read_arguments(Command command, std::string_view arguments) {
  const auto routed = read_routing_key(command, arguments);
  if (const auto put = read_put(arguments)) CHECK(check_document(put->document) && !put->key.empty());
  for (const Dialect dialect : {Dialect::kOwn, Dialect::kPointer}) {
    if (const auto patch = read_patch(arguments, dialect)) CHECK(!patch->key.empty() && !patch->operations.empty());
  }
  if (const auto key = read_key(arguments)) CHECK(!key->empty() && key->size() <= kKeySizeMax);
  if (const auto query = read_query(arguments)) {
    CHECK(!to_text(query->key, query->path).empty());
    if (command == Command::kQuery) CHECK(routed && *routed == query->key);
  }
  if (const auto compute = read_compute(arguments)) CHECK(compute->expression.size() <= kExpressionSizeMax);
  if (const auto page = read_page(arguments)) CHECK(page->limit >= 1 && page->limit <= kPageKeysMax);
  if (read_count(arguments)) CHECK(PackedReader(arguments).read_array());
  if (read_nothing(arguments)) CHECK(PackedReader(arguments).read_array() == 0u);
}

}  // namespace
}  // namespace trellis

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  const BatchItem any = read_command_body(Command::kPatch, text_of(data, size));
  if (!any.error) read_arguments(any.command, any.arguments);
  const auto read = read_request(text_of(data, size));
  if (const auto* bad = std::get_if<BadRequest>(&read)) {
    CHECK(!bad->error.message.empty() && is_utf8(bad->error.message));
    return 0;
  }
  const Request& request = std::get<Request>(read);
  const std::string packed = pack_request(request.id, request.command, request.arguments, request.options);
  const auto again = read_request(packed);
  CHECK(std::holds_alternative<Request>(again));
  CHECK(std::get<Request>(again).id == request.id && std::get<Request>(again).arguments == request.arguments);
  read_arguments(request.command, request.arguments);
  const BatchItem told = read_command_body(request.command, request.body);
  CHECK(!told.error && told.arguments == request.arguments);
  CHECK(are_for_worker(told.options) == are_for_worker(request.options));
  if (const auto items = read_batch(request.arguments)) {
    for (const BatchItem& item : *items) {
      if (!item.error) read_arguments(item.command, item.arguments);
    }
  }
  return 0;
}
