// Replies: one that is read can be packed and read again, and is printed whatever statement it answers.
#include <array>

#include "client/statement/printer.hpp"
#include "protocol/check.hpp"
#include "protocol/packed.hpp"
#include "protocol/reply.hpp"
#include "protocol/reports.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace trellis {
namespace {

void check_printed(const Printed& printed) {
  CHECK(is_utf8(printed.out) && is_utf8(printed.err));
  CHECK(printed.err.empty() || printed.err.ends_with('\n'));
}

}  // namespace
}  // namespace trellis

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  const auto reply = read_reply(text_of(data, size));
  if (!reply) return 0;
  const std::string packed = pack_reply(*reply);
  const auto again = read_reply(packed);
  CHECK(again && again->id == reply->id && again->status == reply->status && again->result == reply->result);
  if (const auto status = read_status_report(reply->result)) CHECK(read_status_report(pack_report(*status)));
  constexpr std::array kLines = {"PUT k 1", "GET k", "HAS k",   "DELETE k", "QUERY k.a", "COMPUTE 1", "KEYS",
                                 "SCAN",    "COUNT", "MEMBERS", "LOCATE k", "STATUS",    "PING"};
  for (const char* line : kLines) {
    for (const bool json : {false, true}) {
      Printer printer(*parse_statement(line), json);
      check_printed(printer.on_reply(*reply));
      if (printer.next_page()) check_printed(printer.on_reply(*reply));
    }
  }
  return 0;
}
