// Batch: what is made durable with one write and one sync.
//
//   block 0                              block 1 ...
//   | sector | sector | ... | sector |   the contents of all sectors, one after another:
//
//   head:     blocks u32 | size of the records u32 | number u64 | last number known durable u64
//   records   as worker/log/record.hpp draws them, and zeros up to the end of the last block
//
// All sectors of its blocks carry the same mark, so what was lost of a batch is seen sector by sector.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "worker/log/sector.hpp"

namespace trellis {

/// Batches are numbered from 1, over all segments and starts of a log.
struct BatchHead {
  static constexpr std::size_t kSize = 24;
  std::uint32_t blocks = 0;
  std::uint32_t size = 0;
  std::uint64_t number = 0;
  std::uint64_t durable = 0;
};

/// A batch that is collected, in the sectors in which it will be written.
class BatchBuffer {
 public:
  /// Bytes of memory that it holds on to for the next batch.
  static constexpr std::size_t kKeptMax = 1 << 20;

  BatchBuffer() { clear(); }

  /// Appends to the records.
  void add(std::string_view bytes);
  /// Where the next byte of the records goes, counted in contents from the batch's begin.
  std::size_t position() const { return position_; }
  bool empty() const { return position_ == BatchHead::kSize; }
  /// Bytes of memory that it holds on to.
  std::size_t memory() const { return sectors_.capacity(); }
  std::size_t blocks() const { return blocks_; }

  /// Writes head and marks.  @param offset  where in its file the batch will lie
  void seal(std::uint64_t number, std::uint64_t durable, const SectorMark& mark, std::uint64_t offset);
  /// The sealed bytes, whole blocks.
  std::string_view bytes() const { return std::string_view(sectors_).substr(0, blocks_ * kBlockSize); }
  void clear();

 private:
  void hold(std::size_t blocks);
  void copy_in(std::size_t position, std::string_view bytes);

  std::string sectors_;  ///< At least those of the blocks: what comes behind them is of no meaning.
  std::size_t blocks_ = 0;
  std::size_t position_ = 0;
};

/// The head in the first sector of a batch, which must be whole; nothing where it cannot be one.
std::optional<BatchHead> read_batch_head(const char* sector);

/// Appends the contents of whole sectors, without their marks.
void append_contents(std::string& out, std::string_view sectors);

}  // namespace trellis
