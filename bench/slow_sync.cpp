// libslow-sync.so: loaded in front of a program (LD_PRELOAD), it makes every sync of a file take TRELLIS_SYNC_DELAY_MS
// longer, as on a slower disk; so does every write that is told to sync as well (RWF_DSYNC).  What is written is as
// safe as without it.  bench/slow_sync runs the workers with it.
#include <dlfcn.h>
#include <sys/uio.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace {

using Sync = int (*)(int);
using Write = ssize_t (*)(int, const struct iovec*, int, off_t, int);

/// Each function has a name of its own, and is looked up once a call, which costs nothing beside it.
template <typename Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

void delay() {
  static const int delay_ms = [] {
    const char* const text = std::getenv("TRELLIS_SYNC_DELAY_MS");
    return text != nullptr ? std::atoi(text) : 0;
  }();
  std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
}

int sync_slowly(const char* name, int fd) {
  const int result = real<Sync>(name)(fd);
  delay();
  return result;
}

ssize_t write_slowly(const char* name, int fd, const struct iovec* bytes, int count, off_t offset, int flags) {
  const ssize_t result = real<Write>(name)(fd, bytes, count, offset, flags);
  if ((flags & RWF_DSYNC) != 0) delay();
  return result;
}

}  // namespace

extern "C" int fdatasync(int fd) { return sync_slowly("fdatasync", fd); }
extern "C" int fsync(int fd) { return sync_slowly("fsync", fd); }
extern "C" ssize_t pwritev2(int fd, const struct iovec* bytes, int count, off_t offset, int flags) {
  return write_slowly("pwritev2", fd, bytes, count, offset, flags);
}
extern "C" ssize_t pwritev64v2(int fd, const struct iovec* bytes, int count, off_t offset, int flags) {
  return write_slowly("pwritev64v2", fd, bytes, count, offset, flags);
}
