#include "protocol/cluster/cluster_map.hpp"

namespace trellis {

const std::uint32_t kLevel = 2;

}  // namespace trellis
