// What a record's key is, where the file has documents alone: fields of the document, or its position.
//
//   _id            a field            address.city   a field inside another       tags.0    a position in a list
//   country,city   several, joined by a colon       "a.b"          a name with dots, commas or quotes in it
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/document.hpp"
#include "protocol/result.hpp"

namespace trellis {

class KeyRule {
 public:
  /// Keys are the values of these fields.  Error (kInvalidArgument): this is no list of fields.
  static Result<KeyRule> from_fields(std::string_view fields);
  /// Keys are the records' positions, counted from 1.
  static KeyRule from_positions() { return KeyRule({}); }

  /// Appends the key of a document to `key`.  Returns what is wrong, if the document has none.
  std::optional<std::string> append_key(std::string_view document, std::uint64_t position, std::string& key) const;

  /// The first step of each field: what a table has to have columns for.
  std::vector<std::string> columns() const;

 private:
  struct Step {
    std::string name;
    bool is_quoted = false;
  };
  struct Field {
    std::vector<Step> steps;
    std::string text;  ///< As it was asked for.
  };
  explicit KeyRule(std::vector<Field> fields) : fields_(std::move(fields)) {}
  static Result<Step> read_step(std::string_view text, std::size_t& position);
  static std::optional<std::string> append_value(const Field& field, std::string_view document, std::string& key);

  std::vector<Field> fields_;  ///< None: by position.
};

}  // namespace trellis
