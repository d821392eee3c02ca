// How users and roles come from workers to brokers, as items of a Bundle.
//
//   worker -> broker   access news    header = version (u64)   with each hello: which version it holds
//   broker -> worker   access wanted  no header                its own is older
//   worker -> broker   access offer   header = the records
#pragma once

#include "protocol/access/access_records.hpp"
#include "protocol/cluster/cluster_messages.hpp"

namespace trellis {

void add_access_news(BundleWriter& bundle, std::uint64_t version);
void add_access_wanted(BundleWriter& bundle);
void add_access_offer(BundleWriter& bundle, const AccessRecords& records);

std::string pack_access_version(std::uint64_t version);
/// Errors: kInvalidArgument.
Result<std::uint64_t> read_access_version(std::string_view header);

}  // namespace trellis
