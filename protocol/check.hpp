// CHECK: an invariant of our own, held in release builds as well.  Outside bytes never meet it; they are answered.
#pragma once

namespace trellis {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace trellis

#define CHECK(condition) ((condition) ? static_cast<void>(0) : ::trellis::check_failed(#condition, __FILE__, __LINE__))
