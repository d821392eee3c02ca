// Pieces that say their records' keys themselves: key -> value, key : value, {key: value, ...}.
//
// An object of several fields is several records.  That is seldom meant where the next ones have fields of the same
// names: such files are refused, since each record would take the place of the one before.
#pragma once

#include <set>
#include <string>

#include "cli/load/record_maker.hpp"

namespace trellis {

class StatedRecords final : public RecordMaker {
 public:
  /// So many pieces are looked at for names that come again.
  static constexpr int kWatchedMax = 1000;

  explicit StatedRecords(bool many_records_a_line) : watched_(many_records_a_line ? kWatchedMax : 0) {}
  std::optional<ParseError> read(std::string_view piece, RecordTarget& target) override;
  void on_wrong(const std::string&) override {}

 private:
  std::optional<ParseError> read_watched(std::string_view piece, RecordTarget& target);

  RecordParser parser_;
  int watched_;                  ///< Pieces so far.
  std::set<std::string> names_;  ///< Names of the fields of objects that had several.
};

}  // namespace trellis
