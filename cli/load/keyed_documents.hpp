// Pieces that are documents, in braces or as any other value, whose keys a rule tells.
#pragma once

#include "cli/load/record_maker.hpp"

namespace trellis {

class KeyedDocuments final : public RecordMaker {
 public:
  explicit KeyedDocuments(const KeyRule& rule) : rule_(rule) {}
  std::optional<ParseError> read(std::string_view piece, RecordTarget& target) override;
  void on_wrong(const std::string&) override { ++position_; }

 private:
  const KeyRule& rule_;
  RecordParser parser_;
  std::uint64_t position_ = 0;  ///< The number of the last record, wrong ones counted.
  std::string document_;
  std::string key_;
};

}  // namespace trellis
