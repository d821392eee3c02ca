#include "broker/merge/make_merger.hpp"

#include "broker/merge/allowed_listing.hpp"
#include "broker/merge/batch_merger.hpp"
#include "broker/merge/compute_merger.hpp"
#include "broker/merge/count_merger.hpp"
#include "broker/merge/page_merger.hpp"

namespace trellis {
namespace {

/// The intervals of a listing that may be seen; nothing where that is all of it.
std::optional<std::vector<KeyInterval>> allowed_part(const Request& request, std::string_view prefix,
                                                     const Permissions* permissions) {
  if (permissions == nullptr) return std::nullopt;
  VisiblePart part = permissions->visible(keys_asked_for(prefix, request.options.range));
  if (part.is_whole) return std::nullopt;
  return std::move(part.intervals);
}

void refuse_items(std::vector<BatchItem>& items, const Permissions& permissions) {
  for (BatchItem& item : items) {
    if (!item.error) item.error = permissions.refusal(item.command, item.arguments, item.options);
  }
}

}  // namespace

Result<void> check_arguments(const Request& request) {
  const auto outcome = [](const auto& read) { return read ? Result<void>() : Result<void>(read.error()); };
  if (is_on_one_key(request.command)) return outcome(read_routing_key(request.command, request.arguments));
  if (row_of(request.command).signature == Signature::kFormula) return outcome(ComputeMerger::read(request.arguments));
  return check_arguments(request.command, request.arguments);
}

Result<std::unique_ptr<Merger>> make_merger(const Request& request, const Frame& frame, std::uint32_t partitions,
                                            const BrokerLimits& limits, const LeaderOf& leader_of,
                                            const Permissions* permissions) {
  const bool stale = request.options.stale;
  switch (row_of(request.command).signature) {
    case Signature::kPage: {
      const auto page = read_page(request.arguments);
      if (!page) return page.error();
      if (auto part = allowed_part(request, page->prefix, permissions)) {
        return std::unique_ptr<Merger>(
            std::make_unique<AllowedListing>(request, frame, std::move(*part), partitions, limits));
      }
      return std::unique_ptr<Merger>(
          std::make_unique<PageMerger>(request.command, *page, request.options, partitions, limits.page_held));
    }
    case Signature::kPrefix: {
      const auto prefix = read_count(request.arguments);
      if (!prefix) return prefix.error();
      if (auto part = allowed_part(request, *prefix, permissions)) {
        return std::unique_ptr<Merger>(
            std::make_unique<AllowedListing>(request, frame, std::move(*part), partitions, limits));
      }
      return std::unique_ptr<Merger>(std::make_unique<CountMerger>(frame, request, partitions));
    }
    case Signature::kFormula: {
      auto computation = ComputeMerger::read(request.arguments);
      if (!computation) return computation.error();
      return std::unique_ptr<Merger>(
          std::make_unique<ComputeMerger>(frame, std::move(*computation), stale, partitions));
    }
    default: {
      auto items = read_batch(request.arguments);
      if (!items) return items.error();
      if (permissions != nullptr) refuse_items(*items, *permissions);
      return std::unique_ptr<Merger>(
          std::make_unique<BatchMerger>(frame, std::move(*items), partitions, limits.batch_reply, leader_of));
    }
  }
}

}  // namespace trellis
