#include "cli/load/keyed_documents.hpp"

namespace trellis {

std::optional<ParseError> KeyedDocuments::read(std::string_view piece, RecordTarget& target) {
  std::size_t begin = 0;
  skip_space(piece, begin);
  if (begin == piece.size()) return std::nullopt;
  ++position_;
  document_.clear();
  if (auto wrong = parser_.read_document(piece, document_)) return wrong;
  key_.clear();
  if (auto wrong = rule_.append_key(document_, position_, key_)) return ParseError{column_of(piece, begin), *wrong};
  target.on_key(key_).append(document_);
  return std::nullopt;
}

}  // namespace trellis
