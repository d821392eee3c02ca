// Long answers on a terminal, page by page: what does not fit on the screen goes to $PAGER, or to less where there is
// one.  An answer that fits is printed as it is, and so is everything where standard output is no terminal.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

#include "client/statement/printer.hpp"

namespace trellis {

class Pager {
 public:
  /// @param wanted  false: everything is printed as it comes
  explicit Pager(bool wanted);
  /// Prints what was held back, or waits until the person has left the pager.
  ~Pager();
  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;

  void write(const Printed& printed);
  /// The person has left the pager: nobody reads on.
  bool was_left() const { return left_; }

 private:
  void start();
  void pass_on(std::string_view text);

  std::string command_;   ///< Empty: no paging.
  std::size_t rows_ = 0;  ///< Rows of the terminal; the columns are its, too.
  std::size_t columns_ = 0;
  std::string held_;  ///< Until it is known whether it fits.
  std::size_t held_rows_ = 0;
  std::FILE* pipe_ = nullptr;
  bool left_ = false;
};

}  // namespace trellis
