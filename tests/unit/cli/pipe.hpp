// A pipe with both its ends, for what reads files.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <string_view>

namespace trellis {

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(ends_), 0); }
  ~Pipe() {
    close(ends_[0]);
    end();
  }
  int fd() const { return ends_[0]; }
  /// Waits for the reader where there are many.
  void put(std::string_view bytes) const {
    EXPECT_EQ(write(ends_[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  /// Reads what is left, so that nobody waits for a reader.
  void drain() const {
    char bytes[4096];
    while (read(ends_[0], bytes, sizeof bytes) > 0) {
    }
  }
  void end() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

}  // namespace trellis
