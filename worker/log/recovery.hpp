// Recovery: reads a log's files at the start, and tells a tear from damage.
//
// Each segment begins with a record that names all that were in use then, so the newest one that is whole says which
// files are read, and in which order; all others are spare.  All batches up to the newest segment were durable when it
// was begun, so anything missing there is damage; only the end of the newest may be torn, and so may the first batch of
// a segment that would have been the next.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/log/contents.hpp"
#include "worker/log/disk.hpp"
#include "worker/log/omitted_log_rules.hpp"
#include "worker/log/record.hpp"

namespace trellis {

struct OpenSegment {
  SegmentName name;
  std::shared_ptr<DiskFile> file;
};

struct Recovered {
  LogContents contents;
  std::vector<OpenSegment> segments;  ///< In use, the oldest first.
  std::vector<OpenSegment> spares;    ///< Only the file counts in their names.
  std::uint64_t last_offset = 0;      ///< The last batch's, in the newest segment.
  std::uint64_t next_offset = 0;      ///< The next batch's.
  std::uint32_t next_ordinal = 0;
  std::uint32_t last_file = 0;  ///< The highest number of a file.
  std::uint64_t torn_end = 0;   ///< What is left of a torn batch ends here; 0: nothing is.
};

/// Error: the disk cannot be read, or kInternal with what is damaged and what to do.
Result<Recovered> recover(Disk& disk, const OmittedLogRules& omitted = {});

/// What recover() would tell as damage; nothing where nothing is, or where it would fail for another reason.
std::optional<Error> find_log_damage(Disk& disk);

/// What is damaged, for people, and what to do.  @param what  what is not as it was written
Error log_damage(std::uint32_t file, std::uint64_t offset, const std::string& what);

/// What a file is called besides while it is being made; such a one is of no use after a restart.
constexpr std::string_view kUnfinishedSegment = ".new";

std::string segment_file_name(std::uint32_t number);
/// The number in a segment's name; nothing where it is no such name.
std::optional<std::uint32_t> segment_file_number(const std::string& name);

}  // namespace trellis
