// Whether a statement that a person types over several lines is complete: its brackets are closed.
//
// Lines are handed in one by one.  Only statements that take a value or an expression go on (PUT, SET, APPEND, MERGE,
// PATCH, COMPUTE): a stray bracket in another one is an error at once, and never swallows the lines behind it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace trellis {

class OpenBrackets {
 public:
  /// Adds a line to the statement.  A comment line between others is left out.
  void add(std::string_view line);
  /// More lines are to come.  Never so for more text than a request may hold.
  bool are_open() const;
  bool is_empty() const { return text_.empty(); }
  /// Takes the statement, on one line, and begins anew.
  std::string take();

 private:
  void count(std::string_view line);

  std::string text_;
  std::size_t depth_ = 0;
  bool may_go_on_ = false;
  bool broken_ =
      false;  ///< A bracket was closed that was not open, or a string was left open: that is an error as it is.
};

}  // namespace trellis
