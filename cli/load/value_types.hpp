// What the cells of a table are taken for, since all of them are text as they stand in the file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/packed.hpp"
#include "protocol/result.hpp"

namespace trellis {

enum class ValueType : std::uint8_t {
  kText,    ///< A string, to the letter.
  kNumber,  ///< Digits alone are an integer, with a point or exponent a float64; an empty cell is null.
  kAuto,    ///< A number where it is written as JSON writes one (007 is none), null where it is empty; else text.
};

class ValueTypes {
 public:
  /// `age=number,zip=text`, and `auto` for the columns that are not named.  Error (kInvalidArgument): it is no such
  /// list.
  static Result<ValueTypes> read(std::string_view text);

  ValueType of(const std::string& column) const;
  std::vector<std::string> columns() const;
  bool is_empty() const { return types_.empty() && others_ == ValueType::kText; }

 private:
  std::map<std::string, ValueType> types_;
  ValueType others_ = ValueType::kText;
};

/// Writes a cell, which is UTF-8.  False: it is not of this type.
bool write_cell(std::string_view cell, ValueType type, PackedWriter writer);

}  // namespace trellis
