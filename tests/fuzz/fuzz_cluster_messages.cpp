// Messages between brokers and workers: a bundle of one frame and its items, each read as every type; the cluster map.
#include "protocol/check.hpp"
#include "protocol/cluster/bundle.hpp"
#include "protocol/cluster/cluster_map.hpp"
#include "protocol/cluster/cluster_messages.hpp"
#include "protocol/cluster/joint_reads.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace trellis {
namespace {

void read_item(const BundleItem& item) {
  static_cast<void>(read_hello(item));
  static_cast<void>(read_welcome(item));
  static_cast<void>(read_refused(item));
  static_cast<void>(read_challenge(item));
  static_cast<void>(read_form(item));
  static_cast<void>(read_map_offer(item));
  static_cast<void>(read_all_hold(item));
  static_cast<void>(read_worker_request(item));
  static_cast<void>(read_worker_reply(item));
  static_cast<void>(read_leadership_question(item));
  static_cast<void>(read_leadership_answer(item));
}

}  // namespace
}  // namespace trellis

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  const std::string_view bytes = text_of(data, size);
  const Frames frames = {Frame(std::string(bytes)), Frame(std::string("attached"))};
  BundleReader reader(frames);
  while (const auto item = reader.next()) read_item(*item);
  // The bytes as one item's header, too: few inputs are a bundle.
  if (!bytes.empty()) read_item({data[0], bytes.substr(1), Frame(std::string("body"))});
  if (const auto reads = read_joint_reads(bytes)) CHECK(pack_joint_reads(reads->parts, reads->items) == bytes);
  if (const auto answers = read_joint_answers(bytes)) {
    CHECK(pack_joint_terms(answers->terms) + std::string(answers->outcomes) == bytes);
  }
  if (const auto map = read_cluster_map(bytes)) {
    const auto again = read_cluster_map(pack(*map));
    CHECK(again && *again == *map && check(*map));
  }
  return 0;
}
