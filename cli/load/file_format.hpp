// What a data file is, told by its name and its first bytes.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "cli/load/record_maker.hpp"
#include "cli/load/splitter.hpp"

namespace trellis {

/// How to read a file.
struct FileShape {
  FileFormat format = FileFormat::kLines;
  char separator = ',';  ///< What stands between a table's cells.
};

/// @param wanted  what was said about it; nothing: it is to be found out
/// @param name    the file's; .csv, .tsv and .tab tell, also in front of .gz or .zst
/// @param text    its first bytes, decompressed; @param at_end  all of them
/// @return        nothing where more of the text has to be seen
std::optional<FileShape> tell_shape(std::optional<FileFormat> wanted, std::string_view name, std::string_view text,
                                    bool at_end);

/// So many bytes tell a format that is not read here.
constexpr std::size_t kForeignBytes = 10;
/// What a file is that begins like one that is not read here, and how to make one of it that is; nothing where it may
/// be read.
std::optional<std::string_view> tell_foreign(std::string_view text);
/// Whether the first line is no record in any notation, and could be a table's header.
bool looks_like_header(std::string_view text);

std::unique_ptr<Splitter> make_splitter(const FileShape& shape);
/// @param rules  must outlive the maker
std::unique_ptr<RecordMaker> make_record_maker(const FileShape& shape, const RecordRules& rules);

}  // namespace trellis
