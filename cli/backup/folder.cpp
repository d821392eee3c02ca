#include "cli/backup/folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "cli/backup/unpacker.hpp"

namespace trellis {
namespace {

constexpr std::size_t kPieceSize = 256 << 10;

Error failed(const std::string& what, const std::string& path) {
  const Code code = errno == ENOENT ? Code::kNotFound : Code::kInternal;
  return {code, "cannot " + what + " " + path + ": " + std::strerror(errno)};
}

Result<void> sync_folder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed("open", folder);
  const bool is_synced = fsync(fd) == 0;
  const Error error = is_synced ? Error{} : failed("sync", folder);
  close(fd);
  return is_synced ? Result<void>() : Result<void>(error);
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return failed("write", name);
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

std::string fence_text(const StreamHeader& header) {
  return "partition " + std::to_string(header.partition) + " of " + std::to_string(header.partitions) + ", backup " +
         header.backup + ", index " + std::to_string(header.fence.index) + ", term " +
         std::to_string(header.fence.term);
}

/// What a whole stream has otherwise than the manifest says.
std::optional<Damage> difference(const Unpacker& unpacker, const StreamTotals& totals, const StreamEntry& stream) {
  const auto differs = [](std::string what, std::string right) {
    return Damage{"", 0, false, std::move(what), std::move(right) + ", as the manifest says"};
  };
  if (totals.records != stream.totals.records) {
    return differs(std::to_string(totals.records) + " records", std::to_string(stream.totals.records));
  }
  if (totals.checksum != stream.totals.checksum || totals.bytes != stream.totals.bytes) {
    return differs("a stream of " + std::to_string(totals.bytes) + " bytes with checksum " + hex_of(totals.checksum),
                   std::to_string(stream.totals.bytes) + " bytes with " + hex_of(stream.totals.checksum));
  }
  if (unpacker.packed_bytes() != stream.packed_bytes || unpacker.packed_checksum() != stream.packed_checksum) {
    return differs("a file of " + std::to_string(unpacker.packed_bytes()) + " bytes with checksum " +
                       hex_of(unpacker.packed_checksum()),
                   std::to_string(stream.packed_bytes) + " bytes with " + hex_of(stream.packed_checksum));
  }
  return std::nullopt;
}

}  // namespace

Result<BesideFile> BesideFile::create(const std::string& folder, const std::string& name) {
  const std::string path = folder + "/" + name + ".part";
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed("create", path);
  return BesideFile(folder, name, fd);
}

BesideFile::BesideFile(BesideFile&& other) noexcept
    : folder_(std::move(other.folder_)), name_(std::move(other.name_)), fd_(std::exchange(other.fd_, -1)) {}

BesideFile::~BesideFile() {
  if (fd_ < 0) return;
  close(fd_);
  unlink(beside().c_str());
}

Result<void> BesideFile::write(std::string_view bytes) { return write_all(fd_, bytes, beside()); }

Result<void> write_out(std::string_view bytes) { return write_all(STDOUT_FILENO, bytes, "standard output"); }

Result<void> BesideFile::finish() {
  if (fsync(fd_) != 0) return failed("sync", beside());
  if (rename(beside().c_str(), path().c_str()) != 0) return failed("rename", beside());
  close(std::exchange(fd_, -1));
  return sync_folder(folder_);
}

Result<void> write_file(const std::string& folder, const std::string& name, std::string_view bytes) {
  auto file = BesideFile::create(folder, name);
  if (!file) return file.error();
  if (auto written = file->write(bytes); !written) return written;
  return file->finish();
}

Result<std::optional<Damage>> read_pieces(const std::string& path,
                                          const std::function<std::optional<Damage>(std::string_view)>& on_piece) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed("open", path);
  std::string piece(kPieceSize, '\0');
  std::optional<Damage> wrong;
  ssize_t size = 1;
  while (size != 0 && !wrong) {
    size = read(fd, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      const Error error = failed("read", path);
      close(fd);
      return error;
    }
    if (size > 0) wrong = on_piece(std::string_view(piece).substr(0, static_cast<std::size_t>(size)));
  }
  close(fd);
  return wrong;
}

Result<std::string> read_file(const std::string& path, std::size_t size_max) {
  std::string bytes;
  const auto read = read_pieces(path, [&](std::string_view piece) -> std::optional<Damage> {
    bytes.append(piece);
    if (bytes.size() <= size_max) return std::nullopt;
    return Damage{"", size_max, false, "the file is larger than it can be", {}};
  });
  if (!read) return read.error();
  if (*read) return Error{Code::kInternal, path + ": " + (*read)->what};
  return bytes;
}

Result<Manifest, Damage> read_manifest_of(const std::string& folder) {
  const std::string name(kManifestFile);
  const auto text = read_file(folder + "/" + name, kManifestSizeMax);
  if (!text) return Damage{name, 0, false, text.error().message, "the manifest of a backup, which is written last"};
  auto manifest = read_manifest(*text);
  if (manifest) return std::move(*manifest);
  Damage wrong = manifest.error();
  wrong.file = name;
  return wrong;
}

StreamReader::StreamReader(const std::string& folder, const Manifest& manifest, const StreamEntry& stream,
                           StreamParser::OnRecord on_record)
    : manifest_(manifest),
      stream_(stream),
      fd_(open((folder + "/" + stream.file).c_str(), O_RDONLY | O_CLOEXEC)),
      unpacker_(std::move(on_record)) {
  if (fd_ < 0) problem_ = failed("open", folder + "/" + stream.file);
}

StreamReader::~StreamReader() {
  if (fd_ >= 0) close(fd_);
}

Damage StreamReader::in_file(Damage wrong) const {
  wrong.file = stream_.file;
  return wrong;
}

Result<bool, Damage> StreamReader::step(std::size_t size_max) {
  const StreamHeader right = manifest_.header_of(stream_);
  const auto unreadable = [&](const Error& why) {
    return in_file({"", 0, false, why.message, "the stream of " + fence_text(right)});
  };
  if (problem_) return unreadable(*problem_);
  piece_.resize(size_max);
  ssize_t size = 0;
  do {
    size = read(fd_, piece_.data(), piece_.size());
  } while (size < 0 && errno == EINTR);
  if (size < 0) return unreadable(failed("read", stream_.file));
  if (size > 0) {
    auto wrong = unpacker_.feed(std::string_view(piece_).substr(0, static_cast<std::size_t>(size)));
    if (unpacker_.header() && !is_compared_ && *unpacker_.header() != right) {
      return in_file({"", 0, true, "this is the stream of " + fence_text(*unpacker_.header()), fence_text(right)});
    }
    is_compared_ = unpacker_.header().has_value();
    if (wrong) return in_file(std::move(*wrong));
    return true;
  }
  const auto totals = unpacker_.finish();
  if (!totals) return in_file(totals.error());
  if (auto differs = difference(unpacker_, *totals, stream_)) return in_file(std::move(*differs));
  return false;
}

std::optional<Damage> read_stream_file(const std::string& folder, const Manifest& manifest, const StreamEntry& stream,
                                       const StreamParser::OnRecord& on_record) {
  StreamReader reader(folder, manifest, stream, on_record);
  for (;;) {
    const auto more = reader.step(kPieceSize);
    if (!more) return more.error();
    if (!*more) return std::nullopt;
  }
}

std::vector<Damage> verify_folder(const std::string& folder, const std::function<void(const StreamEntry&)>& on_file) {
  const auto manifest = read_manifest_of(folder);
  if (!manifest) return {manifest.error()};
  std::vector<Damage> found;
  std::set<std::string> known{std::string(kManifestFile)};
  for (const StreamEntry& stream : manifest->streams) {
    if (on_file) on_file(stream);
    known.insert(stream.file);
    if (auto wrong = read_stream_file(folder, *manifest, stream, [](const BackupRecord&) {})) {
      found.push_back(std::move(*wrong));
    }
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    const bool is_stream = name.starts_with("partition-") && name.ends_with(".zst");
    if (is_stream && !known.contains(name)) {
      found.push_back({name, 0, false, "the manifest knows no such stream", "no such file"});
    }
  }
  return found;
}

}  // namespace trellis
