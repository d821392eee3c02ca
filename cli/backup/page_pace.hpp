// PagePace: when a backup that has a rate asks for its next page, and for how large a one.
//
// A rate is kept in small steps: pages that all streams ask for at once keep a machine busy for so long that clients
// wait behind them, however long it rests afterwards.  So a page is what goes within a few milliseconds, and each is
// asked for on its own.  What a pause has left unused is made up for as far as kMadeUp, and is let go otherwise.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace trellis {

class PagePace {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  /// Bytes.  The largest is little enough that other requests do not wait for it.
  static constexpr std::size_t kPageSizeMin = 32 << 10;
  static constexpr std::size_t kPageSizeMax = 1 << 20;
  static constexpr std::uint64_t kPagesInSecond = 500;
  static constexpr std::chrono::milliseconds kMadeUp{50};

  /// @param rate  bytes a second, 0: as fast as it goes
  PagePace(std::uint64_t rate, TimePoint now) : rate_(rate), next_at_(now) {}

  std::size_t page_size() const {
    if (rate_ == 0) return kPageSizeMax;
    return static_cast<std::size_t>(std::clamp<std::uint64_t>(rate_ / kPagesInSecond, kPageSizeMin, kPageSizeMax));
  }
  /// How long until a page may be asked for; zero: now.
  Duration wait(TimePoint now) const { return rate_ == 0 ? Duration(0) : std::max(Duration(0), next_at_ - now); }

  void on_asked(TimePoint now) {
    if (rate_ != 0) next_at_ = std::max(next_at_, now - kMadeUp) + time_of(page_size());
  }
  /// The page that was asked for has come: one record may make it larger, and the last one of a stream is smaller.
  /// @param size  bytes, 0 where it was refused
  void on_answered(std::size_t size) {
    if (rate_ != 0) next_at_ += time_of(size) - time_of(page_size());
  }

 private:
  Duration time_of(std::size_t bytes) const {
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(static_cast<double>(bytes) / static_cast<double>(rate_)));
  }

  std::uint64_t rate_;
  TimePoint next_at_;
};

}  // namespace trellis
