// Lines, without their ends.
#pragma once

#include "cli/load/splitter.hpp"

namespace trellis {

class LineSplitter final : public Splitter {
 public:
  /// @param size_max  a longer line is wrong, and passed over
  explicit LineSplitter(std::size_t size_max = kPieceSizeMax) : size_max_(size_max) {}
  Piece next(std::string_view text, bool at_end) override;

 private:
  std::size_t size_max_;
  std::size_t scanned_ = 0;  ///< No line ends from the front of the text up to here.
  TextPlace place_;          ///< Where the front of the text stands.
  bool too_long_ = false;    ///< The text goes on with a line that was called wrong.
};

}  // namespace trellis
