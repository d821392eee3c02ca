// The settings of jemalloc, which the programs that hold much memory are linked with (docs/design.md, "Dependencies").
//
// What was freed goes back to the system within seconds, page by page, by a thread of the allocator's own: glibc keeps
// it for good, and its malloc_trim() stops whoever allocates for as long as it works.
//
// jemalloc gives back what is larger than 8 MiB at once instead.  A listing is made of such buffers, so each of them
// would be mapped page by page anew, which cost more than all else that a listing does.  They wait like all the rest.
#include <jemalloc/jemalloc.h>

namespace {

constexpr std::size_t kGivenBackAtOnce = std::size_t{1} << 30;

/// The first arena is made before jemalloc reads `oversize_threshold` (5.3.0), and it is the main thread's.
[[gnu::constructor]] void set_first_arena() {
  std::size_t size = kGivenBackAtOnce;
  mallctl("arena.0.oversize_threshold", nullptr, nullptr, &size, sizeof size);
}

}  // namespace

// Read by jemalloc when the process starts; MALLOC_CONF in the environment comes after it.
const char* malloc_conf = "background_thread:true,dirty_decay_ms:3000,muzzy_decay_ms:0,oversize_threshold:1073741824";
