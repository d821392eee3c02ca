#include "protocol/cluster/cluster_map.hpp"

namespace trellis {

const std::uint32_t kLevel = 1;

}  // namespace trellis
