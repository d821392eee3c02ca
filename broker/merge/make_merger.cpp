#include "broker/merge/make_merger.hpp"

#include "broker/merge/batch_merger.hpp"
#include "broker/merge/compute_merger.hpp"
#include "broker/merge/count_merger.hpp"
#include "broker/merge/page_merger.hpp"

namespace trellis {

Result<void> check_arguments(const Request& request) {
  const auto outcome = [](const auto& read) { return read ? Result<void>() : Result<void>(read.error()); };
  if (is_on_one_key(request.command)) return outcome(read_routing_key(request.command, request.arguments));
  if (row_of(request.command).signature == Signature::kFormula) return outcome(ComputeMerger::read(request.arguments));
  return check_arguments(request.command, request.arguments);
}

Result<std::unique_ptr<Merger>> make_merger(const Request& request, const Frame& frame, std::uint32_t partitions,
                                            const BrokerLimits& limits) {
  const bool stale = request.options.stale;
  switch (row_of(request.command).signature) {
    case Signature::kPage: {
      const auto page = read_page(request.arguments);
      if (!page) return page.error();
      return std::unique_ptr<Merger>(
          std::make_unique<PageMerger>(request.command, *page, request.options, partitions, limits.page_held));
    }
    case Signature::kPrefix: {
      if (const auto prefix = read_count(request.arguments); !prefix) return prefix.error();
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
      return std::unique_ptr<Merger>(
          std::make_unique<BatchMerger>(frame, std::move(*items), partitions, limits.batch_reply));
    }
  }
}

}  // namespace trellis
