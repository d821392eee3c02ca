// The files of a backup: written beside their place and renamed, read piece by piece.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/backup/damage.hpp"
#include "cli/backup/manifest.hpp"
#include "cli/backup/unpacker.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// A file that takes its name only once it is whole and on the disk.
class BesideFile {
 public:
  static Result<BesideFile> create(const std::string& folder, const std::string& name);
  ~BesideFile();
  BesideFile(BesideFile&& other) noexcept;
  BesideFile& operator=(BesideFile&&) = delete;

  Result<void> write(std::string_view bytes);
  /// Syncs the file, renames it, and syncs the folder.
  Result<void> finish();

 private:
  BesideFile(std::string folder, std::string name, int fd)
      : folder_(std::move(folder)), name_(std::move(name)), fd_(fd) {}
  std::string path() const { return folder_ + "/" + name_; }
  std::string beside() const { return path() + ".part"; }

  std::string folder_;
  std::string name_;
  int fd_ = -1;
};

/// To standard output.
Result<void> write_out(std::string_view bytes);

/// Writes a small file as a BesideFile.
Result<void> write_file(const std::string& folder, const std::string& name, std::string_view bytes);
/// Error: kNotFound, or kInternal.
Result<std::string> read_file(const std::string& path, std::size_t size_max);
/// Hands the file on piece by piece, for as long as the function returns nothing.
/// Error: kNotFound, or kInternal; else what the function returned, if anything.
Result<std::optional<Damage>> read_pieces(const std::string& path,
                                          const std::function<std::optional<Damage>(std::string_view)>& on_piece);

/// The manifest of a backup's folder.  Damage: there is none, or none that can be read.
Result<Manifest, Damage> read_manifest_of(const std::string& folder);

/// Reads all of a backup, and returns what is wrong in it: one finding for each file, and the first place in that.
/// @param on_file  told of each file before it is read; may be empty
std::vector<Damage> verify_folder(const std::string& folder,
                                  const std::function<void(const StreamEntry&)>& on_file = {});

/// Reads one stream of a backup piece by piece, handing out its records, and compares it with what the manifest says.
class StreamReader {
 public:
  /// @param manifest  outlives this, as the entry in it does
  StreamReader(const std::string& folder, const Manifest& manifest, const StreamEntry& stream,
               StreamParser::OnRecord on_record);
  ~StreamReader();
  StreamReader(const StreamReader&) = delete;
  StreamReader& operator=(const StreamReader&) = delete;

  /// Takes the next bytes of the file, at most so many; returns whether there may be more.  To be called no more once
  /// there are none, or after damage.
  Result<bool, Damage> step(std::size_t size_max);

 private:
  Damage in_file(Damage wrong) const;

  const Manifest& manifest_;
  const StreamEntry& stream_;
  int fd_ = -1;
  std::optional<Error> problem_;  ///< Why it is not open.
  std::string piece_;
  Unpacker unpacker_;
  bool is_compared_ = false;
};

/// The same with the whole stream in one go.
std::optional<Damage> read_stream_file(const std::string& folder, const Manifest& manifest, const StreamEntry& stream,
                                       const StreamParser::OnRecord& on_record);

}  // namespace trellis
