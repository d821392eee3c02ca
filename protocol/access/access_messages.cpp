#include "protocol/access/access_messages.hpp"

namespace trellis {

void add_access_news(BundleWriter& bundle, std::uint64_t version) {
  bundle.add(static_cast<std::uint8_t>(MessageType::kAccessNews), pack_access_version(version));
}

void add_access_wanted(BundleWriter& bundle) { bundle.add(static_cast<std::uint8_t>(MessageType::kAccessWanted), ""); }

void add_access_offer(BundleWriter& bundle, const AccessRecords& records) {
  bundle.add(static_cast<std::uint8_t>(MessageType::kAccessOffer), pack(records));
}

std::string pack_access_version(std::uint64_t version) {
  std::string header;
  FieldWriter(header).u64(version);
  return header;
}

Result<std::uint64_t> read_access_version(std::string_view header) {
  FieldReader fields(header);
  const std::uint64_t version = fields.u64();
  if (!fields.at_end()) return invalid_argument("a broken version of users and roles from a peer");
  return version;
}

}  // namespace trellis
