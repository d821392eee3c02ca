// Rows of comma- or tab-separated values, as RFC 4180 says: a cell in double quotes may hold separators, line ends and,
// doubled, quotes.
//
// A quote that is never closed, or does not end its cell, makes its row wrong; reading goes on at the line behind the
// one in which the row began, so that it costs no other row.
#pragma once

#include <optional>

#include "cli/load/splitter.hpp"

namespace trellis {

class CsvSplitter final : public Splitter {
 public:
  /// @param size_max  a longer row is wrong
  explicit CsvSplitter(char separator, std::size_t size_max = kPieceSizeMax)
      : separator_(separator), size_max_(size_max) {}
  /// Rows come without their line ends, blank ones not at all.
  Piece next(std::string_view text, bool at_end) override;

 private:
  enum class State : std::uint8_t {
    kCellBegins,
    kPlain,   ///< In a cell without quotes.
    kQuoted,  ///< In a cell in quotes.
    kQuote,   ///< At a quote in such a cell: its end, or the first of two that stand for one.
  };
  /// Scans on.  The size of the row where it is whole, or nothing; `wrong_` may be set then.
  std::optional<std::size_t> find_end(std::string_view text);
  Piece give_up(std::string_view text, std::size_t at, std::string reason);
  Piece pass_over_line(std::string_view text);
  void begin_row();

  char separator_;
  std::size_t size_max_;
  TextPlace place_;  ///< Where the front of the text stands.
  State state_ = State::kCellBegins;
  std::size_t scanned_ = 0;
  std::size_t quote_at_ = 0;             ///< Where the cell's quotes were opened.
  std::optional<std::size_t> line_end_;  ///< Where the row's first line ends, in quotes.
  const char* wrong_ = nullptr;          ///< What is wrong at scanned_.
  bool passing_over_ = false;            ///< The text goes on with a line that was called wrong.
};

}  // namespace trellis
