#include "cli/load/csv_records.hpp"

#include <algorithm>
#include <set>

#include "protocol/limits.hpp"
#include "protocol/notation/notation_text.hpp"

namespace trellis {
namespace {

constexpr std::string_view kHowToConvert = "convert the file, as with iconv -f latin1 -t utf-8";

}  // namespace

std::optional<ParseError> CsvRecords::read(std::string_view row, RecordTarget& target) {
  if (refusal()) return std::nullopt;
  cut(row);
  if (columns_.empty()) {
    read_header(row);
    return std::nullopt;
  }
  ++position_;
  if (auto wrong = pack(row)) return wrong;
  key_.clear();
  if (auto wrong = rules_.key->append_key(document_, position_, key_)) return ParseError{1, *wrong};
  target.on_key(key_).append(document_);
  return std::nullopt;
}

void CsvRecords::on_wrong(const std::string& reason) {
  ++position_;
  if (columns_.empty()) refuse("its header, which names the columns, cannot be read: " + reason);
}

void CsvRecords::read_header(std::string_view row) {
  std::set<std::string_view> names;
  for (const Cell& cell : cells_) {
    Column column{std::string(cell.text), {}, rules_.types.of(std::string(cell.text))};
    PackedWriter(column.packed_name).str(column.name);
    columns_.push_back(std::move(column));
    const std::string place = "column " + std::to_string(columns_.size()) + " of its header";
    if (cell.text.empty()) refuse(place + " has no name");
    if (!is_utf8(cell.text)) refuse(place + " is no UTF-8; " + std::string(kHowToConvert));
    if (!names.insert(cell.text).second) refuse(place + " has the name of another one, " + print_key(cell.text));
    if (refusal()) return;
  }
  if (row.size() > kDocumentSizeMax) refuse("its header is larger than a document may be");
  if (!rules_.key) {
    refuse(
        "which column is the key? --key-field NAME says it, and --key-line takes the row's position; the columns are " +
        names_of_columns());
    return;
  }
  check_names(rules_.key->columns(), "--key-field");
  check_names(rules_.types.columns(), "--types");
}

void CsvRecords::check_names(const std::vector<std::string>& names, const std::string& flag) {
  for (const std::string& name : names) {
    const auto is_it = [&name](const Column& column) { return column.name == name; };
    if (std::any_of(columns_.begin(), columns_.end(), is_it)) continue;
    refuse(flag + " names " + print_key(name) + ", and the columns are " + names_of_columns());
  }
}

std::string CsvRecords::names_of_columns() const {
  constexpr std::size_t kNamedMax = 30;
  std::string names;
  for (std::size_t i = 0; i < std::min(columns_.size(), kNamedMax); ++i) {
    names += (i == 0 ? "" : ", ") + print_key(columns_[i].name);
  }
  return names + (columns_.size() > kNamedMax ? ", ..." : "");
}

/// Its splitter has seen to it that quotes are where they belong.
void CsvRecords::cut(std::string_view row) {
  cells_.clear();
  if (!unquoted_.empty()) unquoted_.clear();
  for (std::size_t at = 0;; ++at) {
    const std::size_t begin = at;
    const bool is_quoted = at < row.size() && row[at] == '"';
    if (!is_quoted) {
      at = std::min(row.find(separator_, at), row.size());
      cells_.push_back({row.substr(begin, at - begin), begin});
    } else {
      bool has_quotes = false;
      for (++at; at < row.size(); ++at) {
        if (row[at] != '"') continue;
        if (at + 1 >= row.size() || row[at + 1] != '"') break;
        has_quotes = true;
        ++at;
      }
      const std::string_view inside = row.substr(begin + 1, std::min(at, row.size()) - begin - 1);
      cells_.push_back({has_quotes ? unquote(inside) : inside, begin});
      at = std::min(row.find(separator_, std::min(at, row.size())), row.size());
    }
    if (at == row.size()) return;
  }
}

/// With single quotes in place of double ones.  Holds until the next row.
std::string_view CsvRecords::unquote(std::string_view inside) {
  std::string out;
  out.reserve(inside.size());
  for (std::size_t at = 0; at < inside.size(); ++at) {
    out.push_back(inside[at]);
    if (inside[at] == '"') ++at;
  }
  return unquoted_.emplace_back(std::move(out));
}

/// Makes the document of cells_.
std::optional<ParseError> CsvRecords::pack(std::string_view row) {
  if (cells_.size() != columns_.size()) {
    return ParseError{1, "this row has " + std::to_string(cells_.size()) + " cells, and the header names " +
                             std::to_string(columns_.size()) + " columns"};
  }
  document_.clear();
  PackedWriter writer(document_);
  writer.map(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto& [text, position] = cells_[i];
    writer.packed(columns_[i].packed_name);
    if (is_utf8(text) && write_cell(text, columns_[i].type, writer)) continue;
    const std::string reason =
        is_utf8(text) ? "is no number: " + quoted_excerpt(text) : "is no UTF-8; " + std::string(kHowToConvert);
    return ParseError{column_of(row, position), "the cell " + print_key(columns_[i].name) + " " + reason};
  }
  if (document_.size() <= kDocumentSizeMax) return std::nullopt;
  return ParseError{1, "a document has at most " + std::to_string(kDocumentSizeMax) + " bytes packed, this one has " +
                           std::to_string(document_.size())};
}

}  // namespace trellis
