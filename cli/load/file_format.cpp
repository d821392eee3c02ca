#include "cli/load/file_format.hpp"

#include <algorithm>
#include <cctype>
#include <string>

#include "cli/load/csv_records.hpp"
#include "cli/load/csv_splitter.hpp"
#include "cli/load/json_splitter.hpp"
#include "cli/load/keyed_documents.hpp"
#include "cli/load/line_splitter.hpp"
#include "cli/load/stated_records.hpp"
#include "protocol/notation/notation.hpp"

namespace trellis {
namespace {

/// A first line that is longer tells nothing.
constexpr std::size_t kLookedAtMax = 64 << 10;

std::optional<FileFormat> told_by_name(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  std::string_view rest = lower;
  for (const std::string_view compressed : {".gz", ".zst"}) {
    if (rest.ends_with(compressed)) rest.remove_suffix(compressed.size());
  }
  if (rest.ends_with(".csv")) return FileFormat::kCsv;
  if (rest.ends_with(".tsv") || rest.ends_with(".tab")) return FileFormat::kTsv;
  return std::nullopt;
}

struct Foreign {
  std::string_view begins;
  std::string_view advice;
};
using namespace std::string_view_literals;
constexpr Foreign kForeign[] = {
    {"\xff\xfe"sv, "it is UTF-16; convert it, as with iconv -f utf-16 -t utf-8"},
    {"\xfe\xff"sv, "it is UTF-16; convert it, as with iconv -f utf-16 -t utf-8"},
    {"{\0"sv, "it is UTF-16; convert it, as with iconv -f utf-16le -t utf-8"},
    {"[\0"sv, "it is UTF-16; convert it, as with iconv -f utf-16le -t utf-8"},
    {"PK\x03\x04"sv, "it is a zip archive, as spreadsheets are too; unpack it, or save the sheet as CSV"},
    {"\xfd"
     "7zXZ\0"sv,
     "it is compressed with xz; pass it through xz --decompress --stdout"},
};
/// Behind "BZh" and a digit.
constexpr std::string_view kBzip2 = "1AY&SY";

/// A line that begins an object and leaves it open where pretty-printers break lines.
bool begins_open_object(std::string_view line) {
  JsonSplitter splitter;
  if (splitter.next(line, false).kind != Piece::Kind::kNone) return false;
  const bool is_open = splitter.next(line, false).kind == Piece::Kind::kMore;
  const std::size_t last = line.find_last_not_of(" \t\r");
  return is_open && std::string_view("{[,").find(line[last]) != std::string_view::npos;
}

}  // namespace

std::optional<FileShape> tell_shape(std::optional<FileFormat> wanted, std::string_view name, std::string_view text,
                                    bool at_end) {
  const std::optional<FileFormat> told = wanted ? wanted : told_by_name(name);
  if (told == FileFormat::kTsv) return FileShape{FileFormat::kTsv, '\t'};
  if (told && told != FileFormat::kCsv) return FileShape{*told};

  std::size_t begin = 0;
  skip_space(text, begin);
  const std::string_view rest = text.substr(begin);
  const std::string_view line = rest.substr(0, rest.find('\n'));
  const bool is_whole = line.size() < rest.size() || at_end || rest.size() > kLookedAtMax;
  if (told == FileFormat::kCsv) {
    if (!is_whole) return std::nullopt;
    const bool has_comma = line.find(',') != std::string_view::npos;
    return FileShape{FileFormat::kCsv, !has_comma && line.find(';') != std::string_view::npos ? ';' : ','};
  }
  if (rest.empty() && !at_end) return std::nullopt;
  if (rest.starts_with('[')) return FileShape{FileFormat::kJson};
  if (!rest.starts_with('{')) return FileShape{FileFormat::kLines};
  if (!is_whole) return std::nullopt;
  return FileShape{begins_open_object(line) ? FileFormat::kJson : FileFormat::kLines};
}

std::optional<std::string_view> tell_foreign(std::string_view text) {
  for (const Foreign& foreign : kForeign) {
    if (text.starts_with(foreign.begins)) return foreign.advice;
  }
  if (text.starts_with("BZh") && text.substr(4, kBzip2.size()) == kBzip2) {
    return "it is compressed with bzip2; pass it through bzip2 --decompress --stdout";
  }
  return std::nullopt;
}

bool looks_like_header(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  const bool has_separator = line.find_first_of(",;\t") != std::string_view::npos;
  return has_separator && line.find_first_of("[]{}():|") == std::string_view::npos;
}

std::unique_ptr<Splitter> make_splitter(const FileShape& shape) {
  switch (shape.format) {
    case FileFormat::kLines: return std::make_unique<LineSplitter>();
    case FileFormat::kJson: return std::make_unique<JsonSplitter>();
    case FileFormat::kCsv:
    case FileFormat::kTsv: break;
  }
  return std::make_unique<CsvSplitter>(shape.separator);
}

std::unique_ptr<RecordMaker> make_record_maker(const FileShape& shape, const RecordRules& rules) {
  if (shape.format == FileFormat::kCsv || shape.format == FileFormat::kTsv) {
    return std::make_unique<CsvRecords>(shape.separator, rules);
  }
  std::unique_ptr<RecordMaker> maker;
  if (rules.key) maker = std::make_unique<KeyedDocuments>(*rules.key);
  if (!rules.key) maker = std::make_unique<StatedRecords>(rules.many_records_a_line);
  if (!rules.types.is_empty()) maker->refuse("--types is about a table's columns; if this is one, say --format csv");
  return maker;
}

}  // namespace trellis
