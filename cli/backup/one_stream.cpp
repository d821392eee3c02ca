#include "cli/backup/one_stream.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cli/backup/compressor.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

constexpr std::string_view kManifestMark = "trellis-manifest";
/// More than a stream's header takes.
constexpr std::size_t kHeaderSizeMax = 256;
constexpr std::size_t kPieceSize = 256 << 10;

}  // namespace

std::string pack_last_frame(const Manifest& manifest) {
  std::string plain;
  PackedWriter(plain).array(2).str(kManifestMark).str(write_manifest(manifest));
  std::string packed;
  Compressor compressor;
  compressor.add(plain, packed);
  compressor.finish(packed);
  return packed;
}

Error StreamSplitter::wrong(const std::string& what) const {
  return invalid_argument("the stream of a backup, byte " + std::to_string(taken_) + ": " + what);
}

Result<void> StreamSplitter::feed(std::string_view packed) {
  std::string room(kPieceSize, '\0');
  while (!packed.empty()) {
    if (has_ended_) return wrong("bytes behind the manifest");
    if (decompressor_ == nullptr) {
      decompressor_ = Decompressor::for_file_beginning_with("\x28\xb5\x2f\xfd");
      plain_.clear();
    }
    const auto step = decompressor_->step(packed, room.data(), room.size());
    if (!step) return wrong(step.error().message);
    if (step->taken == 0 && step->written == 0) return wrong("no zstd data");
    packed_.append(packed.substr(0, step->taken));
    packed.remove_prefix(step->taken);
    taken_ += step->taken;
    if (auto taken = take_plain(std::string_view(room).substr(0, step->written)); !taken) return taken;
    // What is inside of the library comes out before more goes in.
    for (std::size_t written = step->written; written == room.size();) {
      const auto more = decompressor_->step({}, room.data(), room.size());
      if (!more) return wrong(more.error().message);
      if (auto taken = take_plain(std::string_view(room).substr(0, more->written)); !taken) return taken;
      written = more->written;
    }
    if (!decompressor_->may_end()) continue;
    if (auto ended = end_frame(); !ended) return ended;
  }
  return {};
}

Result<void> StreamSplitter::take_plain(std::string_view plain) {
  if (!file_) {
    plain_.append(plain);
    if (plain_.size() > kManifestSizeMax + kPieceSize) return wrong("a manifest that is too large");
    if (!is_last_ && plain_.size() >= kHeaderSizeMax) {
      if (auto named = name_frame(); !named) return named;
    }
  }
  if (!file_ || packed_.empty()) return {};
  auto written = file_->write(packed_);
  packed_.clear();
  return written;
}

/// From what the frame begins with.
Result<void> StreamSplitter::name_frame() {
  PackedReader reader(plain_);
  const auto elements = reader.read_array();
  PackedReader mark = reader;
  if (elements == 2u && plain_.find(kManifestMark) < kManifestMark.size()) {
    is_last_ = true;
    return {};
  }
  const bool is_header =
      elements == 7u && mark.read_str() == kStreamMark && mark.read_uint() && mark.read_str() && mark.read_uint();
  const auto partition = is_header ? mark.read_uint() : std::nullopt;
  if (!partition || *partition >= kPartitionsMax) return wrong("a part that is no partition's");
  auto file = BesideFile::create(folder_, stream_file(static_cast<std::uint32_t>(*partition)));
  if (!file) return file.error();
  file_.emplace(std::move(*file));
  return {};
}

Result<void> StreamSplitter::end_frame() {
  if (!file_ && !is_last_) {
    if (auto named = name_frame(); !named) return named;
  }
  decompressor_.reset();
  if (file_) {
    if (auto written = file_->write(packed_); !written) return written;
    packed_.clear();
    auto finished = file_->finish();
    file_.reset();
    return finished;
  }
  has_ended_ = true;
  PackedReader reader(plain_);
  const bool is_pair = reader.read_array() == 2u && reader.read_str() == kManifestMark;
  const auto text = is_pair ? reader.read_str() : std::nullopt;
  if (!text) return wrong("a manifest that cannot be read");
  return write_file(folder_, std::string(kManifestFile), *text);
}

Result<void> StreamSplitter::finish() const {
  return has_ended_ ? Result<void>() : Result<void>(wrong("it ends before the manifest"));
}

Result<void> split_stream(int fd, const std::string& folder) {
  StreamSplitter splitter(folder);
  std::string piece(kPieceSize, '\0');
  while (true) {
    const ssize_t size = read(fd, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Error{Code::kInternal, std::string("cannot read standard input: ") + std::strerror(errno)};
    if (size == 0) return splitter.finish();
    const std::string_view bytes(piece.data(), static_cast<std::size_t>(size));
    if (auto fed = splitter.feed(bytes); !fed) return fed;
  }
}

}  // namespace trellis
