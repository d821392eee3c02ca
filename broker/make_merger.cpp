#include "broker/make_merger.hpp"

#include "broker/count_merger.hpp"

namespace trellis {

Result<void> check_arguments(const Request& request) {
  const auto outcome = [](const auto& read) { return read ? Result<void>() : Result<void>(read.error()); };
  switch (request.command) {
    case Command::kKeys:
    case Command::kScan: return outcome(read_page(request.arguments));
    case Command::kCount: return outcome(read_count(request.arguments));
    case Command::kCompute: return outcome(read_compute(request.arguments));
    case Command::kBatch: return outcome(read_batch(request.arguments));
    case Command::kLocate: return outcome(read_key(request.arguments));
    default: return outcome(read_routing_key(request.command, request.arguments));
  }
}

Result<std::unique_ptr<Merger>> make_merger(const Request& request, const Frame& frame, std::uint32_t partitions,
                                            const BrokerLimits& limits) {
  static_cast<void>(limits);
  if (const auto checked = check_arguments(request); !checked) return checked.error();
  const bool stale = request.options.stale;
  switch (request.command) {
    case Command::kCount: return std::unique_ptr<Merger>(std::make_unique<CountMerger>(frame, stale, partitions));
    default: return Error{Code::kUnimplemented, std::string(name_of(request.command)) + " comes with the next commit"};
  }
}

}  // namespace trellis
