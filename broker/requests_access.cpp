// The part of Requests that asks whether a request may be made, and tells of those that may not.
#include "broker/requests.hpp"

namespace trellis {
namespace {

bool is_refusal(Code status) { return status == Code::kPermissionDenied || status == Code::kUnauthenticated; }

}  // namespace

/// @param permissions  set to what counts for the request, as far as that is known
std::optional<Error> Requests::refusal(const Asker& asker, const Request& request,
                                       std::shared_ptr<const Permissions>& permissions) {
  if (options_.omitted.roles) return std::nullopt;
  auto found = access_.permissions_of(asker, request.options);
  std::optional<Error> refused;
  if (found) {
    permissions = std::move(*found);
    if (permissions != nullptr) refused = permissions->refusal(request);
  } else {
    refused = found.error();
  }
  if (refused) ++counts_.denied;
  return refused;
}

/// The other items of a BATCH are done.
void Requests::note_refused_items(const Entry& entry) {
  if (entry.permissions == nullptr || entry.request.command != Command::kBatch) return;
  const auto items = read_batch(entry.request.arguments);
  if (!items) return;
  std::optional<Error> first;
  for (const BatchItem& item : *items) {
    if (item.error) continue;
    auto refused = entry.permissions->refusal(item.command, item.arguments, item.options);
    if (!refused) continue;
    ++counts_.denied;
    if (!first) first = std::move(refused);
  }
  if (first) {
    tell_audit(entry.client->asker, entry.permissions.get(), entry.request, entry.frame, answer_of(std::move(*first)));
  }
}

bool Requests::is_audited(const Request& request, Code status) const {
  return is_refusal(status) || row_of(request.command).cluster >= ClusterRight::kOperate;
}

void Requests::tell_audit(const Asker& asker, const Permissions* permissions, const Request& request,
                          const Frame& frame, const MergedAnswer& answer) {
  const std::string speaker = access_.name_of(asker);
  AuditEvent event;
  event.user = permissions == nullptr ? std::string_view() : std::string_view(permissions->user());
  if (event.user != speaker) event.speaker = speaker;
  event.command = name_of(request.command);
  if (is_on_one_key(request.command)) {
    if (const auto key = read_routing_key(request.command, request.arguments)) event.key = *key;
  }
  event.status = name_of(answer.status);
  event.message = answer.info.message;
  event.is_refusal = is_refusal(answer.status);
  event.address = output_.address_of(frame);
  output_.audit(event);
}

}  // namespace trellis
