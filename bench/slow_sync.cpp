// libslow-sync.so: loaded in front of a program (LD_PRELOAD), it makes every sync of a file take TRELLIS_SYNC_DELAY_MS
// longer, as on a slower disk.  What is written is as safe as without it.  bench/slow_sync runs the workers with it.
#include <dlfcn.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace {

using Sync = int (*)(int);

int slowly(const char* name, int fd) {
  static const int delay_ms = [] {
    const char* const text = std::getenv("TRELLIS_SYNC_DELAY_MS");
    return text != nullptr ? std::atoi(text) : 0;
  }();
  // Each of the two has a name of its own, and is looked up once a sync, which costs nothing beside it.
  const auto real = reinterpret_cast<Sync>(dlsym(RTLD_NEXT, name));
  const int result = real(fd);
  std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
  return result;
}

}  // namespace

extern "C" int fdatasync(int fd) { return slowly("fdatasync", fd); }
extern "C" int fsync(int fd) { return slowly("fsync", fd); }
