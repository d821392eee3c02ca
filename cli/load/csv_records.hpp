// The rows of a table: the first one names the columns, and each of the others is a document of one field a column.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "cli/load/record_maker.hpp"

namespace trellis {

class CsvRecords final : public RecordMaker {
 public:
  /// @param rules  has a key, or every file is refused
  CsvRecords(char separator, const RecordRules& rules) : separator_(separator), rules_(rules) {}
  std::optional<ParseError> read(std::string_view row, RecordTarget& target) override;
  void on_wrong(const std::string& reason) override;

 private:
  struct Column {
    std::string name;
    std::string packed_name;
    ValueType type = ValueType::kText;
  };
  struct Cell {
    std::string_view text;     ///< Within the row, or in `unquoted_`.
    std::size_t position = 0;  ///< In the row.
  };
  void read_header(std::string_view row);
  void check_names(const std::vector<std::string>& names, const std::string& flag);
  std::string names_of_columns() const;
  /// Cuts the row into cells_.
  void cut(std::string_view row);
  std::string_view unquote(std::string_view inside);
  std::optional<ParseError> pack(std::string_view row);

  char separator_;
  const RecordRules& rules_;
  std::vector<Column> columns_;
  std::vector<Cell> cells_;           ///< The cells of the row at hand.
  std::deque<std::string> unquoted_;  ///< Its cells that have quotes in them.
  std::uint64_t position_ = 0;
  std::string document_;
  std::string key_;
};

}  // namespace trellis
