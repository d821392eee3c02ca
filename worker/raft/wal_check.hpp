// Checks how the write-ahead logs of a RocksDB folder end, before RocksDB reads them.
//
// RocksDB takes a last record that is longer than its file for one that a power cut tore, and drops it in silence.  A
// record that was acknowledged looks the same once a bit of its length has turned over, since no checksum covers the
// length.  But of a torn record something is missing, while of the other one every byte is there and fits its checksum:
// that one is damage, and a worker that went on without it would forget what it has promised.
#pragma once

#include <string>

#include "protocol/result.hpp"

namespace trellis {

/// Error: a log ends in such a record, or cannot be read.
Result<void> check_log_ends(const std::string& folder);

}  // namespace trellis
