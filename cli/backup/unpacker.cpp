#include "cli/backup/unpacker.hpp"

namespace trellis {
namespace {

constexpr std::size_t kPlainSize = 256 << 10;
constexpr std::string_view kZstandardMagic("\x28\xb5\x2f\xfd", 4);

}  // namespace

Unpacker::Unpacker(StreamParser::OnRecord on_record) : parser_(std::move(on_record)), plain_(kPlainSize, '\0') {}

std::optional<Damage> Unpacker::feed(std::string_view packed) {
  hash_.add(packed);
  std::uint64_t offset = packed_ - first_.size();
  packed_ += packed.size();
  std::string joined;
  if (decompressor_ == nullptr) {
    first_.append(packed);
    if (first_.size() < Decompressor::kFirstBytes) return std::nullopt;
    if (!first_.starts_with(kZstandardMagic)) return Damage{"", 0, false, "no zstd data begins here", "28 b5 2f fd"};
    decompressor_ = Decompressor::for_file_beginning_with(first_);
    joined = std::exchange(first_, {});
    packed = joined;
  }
  while (true) {
    if (parser_.is_done() && decompressor_->may_end() && !packed.empty()) {
      return Damage{"", offset, false, std::to_string(packed.size()) + " bytes or more behind the stream", "its end"};
    }
    const auto step = decompressor_->step(packed, plain_.data(), plain_.size());
    if (!step) return Damage{"", offset, false, step.error().message, "data whose checksum is right"};
    packed.remove_prefix(step->taken);
    offset += step->taken;
    if (step->written > 0) {
      const std::string_view plain(plain_.data(), step->written);
      const auto fed = parser_.is_done() ? Result<std::size_t, Damage>(std::size_t{0}) : parser_.feed(plain);
      if (!fed) return fed.error();
      if (*fed < plain.size()) {
        return Damage{"", parser_.totals().bytes, true, "bytes behind the trailer", "the end of the stream"};
      }
    }
    if (step->taken == 0 && step->written == 0) return std::nullopt;
  }
}

Result<StreamTotals, Damage> Unpacker::finish() {
  if (decompressor_ == nullptr) return Damage{"", packed_, false, "the file ends here", "zstd data"};
  const auto totals = parser_.finish();
  if (!totals) {
    Damage cut = totals.error();
    cut.what += " (the file has " + std::to_string(packed_) + " bytes)";
    return cut;
  }
  if (!decompressor_->may_end()) return Damage{"", packed_, false, "the zstd data ends early", "more of it"};
  return totals;
}

}  // namespace trellis
