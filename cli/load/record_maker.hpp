// From a piece of a data file to its records.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cli/load/key_rule.hpp"
#include "cli/load/value_types.hpp"
#include "protocol/notation/notation.hpp"

namespace trellis {

/// How the text of a data file is cut and read.
enum class FileFormat : std::uint8_t {
  kLines,  ///< A record a line, in any notation; with a key rule, a document a line.
  kJson,   ///< Arrays of values, or values one behind the other.
  kCsv,    ///< Separated by commas, or by semicolons where the header is.
  kTsv,    ///< Separated by tabs.
};

/// What was said about a file's records.
struct RecordRules {
  std::optional<FileFormat> format;  ///< Else the file's name and first bytes tell.
  std::optional<KeyRule> key;        ///< Each piece is a document; else pieces name their records' keys themselves.
  std::string key_prefix;            ///< Stands in front of each key.
  bool many_records_a_line = false;  ///< Objects of several fields are several records, also where names come again.
  ValueTypes types;                  ///< What a table's cells are taken for.
};

/// Reads pieces, in the order of the file.
class RecordMaker {
 public:
  virtual ~RecordMaker() = default;
  /// Hands a piece's records to `target`.  Returns what is wrong with the piece, if anything is; nothing that was
  /// handed on for it means anything then.
  virtual std::optional<ParseError> read(std::string_view piece, RecordTarget& target) = 0;
  /// A piece that its splitter called wrong was passed over.
  virtual void on_wrong(const std::string& reason) = 0;
  /// The file as a whole is not taken; the first reason counts.
  void refuse(std::string reason) {
    if (!refusal_) refusal_ = std::move(reason);
  }
  /// Why the file as a whole is not taken, and what would be right.
  const std::optional<std::string>& refusal() const { return refusal_; }

 private:
  std::optional<std::string> refusal_;
};

}  // namespace trellis
