// A backup as one stream: for a pipe, or a tape.
//
//   the files of a backup one behind the other, as they stand in a folder, and behind them one more zstd frame that
//   holds ["trellis-manifest", the text of manifest.json]
//
// So `zstd -dc` gives all of it as MessagePack values.  It is taken apart into a folder, which is then verified or
// restored as any other.  Memory does not depend on its size.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/backup/folder.hpp"
#include "cli/load/decompressor.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// The last frame of a stream, packed.
std::string pack_last_frame(const Manifest& manifest);

/// Takes a stream apart into the files of a folder.
class StreamSplitter {
 public:
  explicit StreamSplitter(std::string folder) : folder_(std::move(folder)) {}

  /// Errors: kInvalidArgument, it is no stream of a backup (with the byte); kInternal, a file cannot be written.
  Result<void> feed(std::string_view packed);
  /// To be called at the end of the stream.  Error: kInvalidArgument, it is cut off.
  Result<void> finish() const;

 private:
  Result<void> take_plain(std::string_view plain);
  Result<void> name_frame();
  Result<void> end_frame();
  Error wrong(const std::string& what) const;

  std::string folder_;
  std::unique_ptr<Decompressor> decompressor_;
  std::string plain_;   ///< What the frame begins with; of the last one, all of it.
  std::string packed_;  ///< Bytes of a frame that has no name yet.
  std::optional<BesideFile> file_;
  bool is_last_ = false;  ///< This frame holds the manifest.
  bool has_ended_ = false;
  std::uint64_t taken_ = 0;
};

/// Takes apart what a descriptor gives, into this folder, which is there.
Result<void> split_stream(int fd, const std::string& folder);

}  // namespace trellis
