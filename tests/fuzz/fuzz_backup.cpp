// Backups: manifests with their users, and streams, packed and not, of any bytes.
#include "cli/backup/manifest.hpp"
#include "cli/backup/manifest_users.hpp"
#include "cli/backup/stream.hpp"
#include "cli/backup/unpacker.hpp"
#include "protocol/check.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace trellis {
namespace {

/// What a stream holds, whatever the pieces are in which it comes.
std::string read_in_pieces(std::string_view bytes, std::size_t piece) {
  std::string again;
  std::optional<StreamWriter> writer;
  StreamParser parser([&](const BackupRecord& record) {
    if (!writer) writer.emplace(*parser.header(), again);
    writer->add(record);
  });
  for (std::size_t at = 0; at < bytes.size() && !parser.is_done(); at += piece) {
    const auto fed = parser.feed(bytes.substr(at, piece));
    if (!fed) return "damaged";
  }
  const auto totals = parser.finish();
  if (!totals) return "damaged";
  if (writer) CHECK(writer->records() == totals->records);
  return again;
}

}  // namespace
}  // namespace trellis

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  const std::string_view bytes = text_of(data, size);
  if (const auto manifest = read_manifest(bytes)) {
    const auto again = read_manifest(write_manifest(*manifest));
    CHECK(again && *again == *manifest);
  }
  if (const auto users = read_users(Json::parse(bytes, nullptr, false))) {
    const auto again = read_users(to_json(*users));
    CHECK(again && *again == *users);
  }
  if (size <= 4096) CHECK(read_in_pieces(bytes, 1) == read_in_pieces(bytes, size + 1));
  Unpacker unpacker([](const BackupRecord&) {});
  if (!unpacker.feed(bytes)) static_cast<void>(unpacker.finish());
  return 0;
}
