// The settings of jemalloc, which the programs that hold much memory are linked with (docs/design.md, "Dependencies").
//
// What was freed goes back to the system within seconds, page by page, by a thread of the allocator's own: glibc keeps
// it for good, and its malloc_trim() stops whoever allocates for as long as it works.
// A variable of this name is read by jemalloc when the process starts; MALLOC_CONF in the environment comes after it.

extern "C" {
extern const char* const malloc_conf;
const char* const malloc_conf = "background_thread:true,dirty_decay_ms:3000,muzzy_decay_ms:0";
}
