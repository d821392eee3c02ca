#include "sim/simulated_log_writer.hpp"

#include <utility>

namespace trellis::sim {

SimulatedLogWriter::SimulatedLogWriter(World& world, MemoryDisk& disk, const DiskConditions& conditions,
                                       const Mutations& mutations, std::function<void()> on_written)
    : world_(world), disk_(disk), conditions_(conditions), mutations_(mutations), on_written_(std::move(on_written)) {}

void SimulatedLogWriter::start(LogWrite write) {
  write_ = std::move(write);
  piece_ = 0;
  if (mutations_.has(Mutation::kAckBeforeSync)) return write_in_secret();
  is_at_once_ = conditions_.at_once > 0 && world_.random().chance(conditions_.at_once);
  write_next();
}

void SimulatedLogWriter::write_next() {
  if (failure_ || piece_ == write_.pieces.size()) return acknowledge();
  Random& random = world_.random();
  const auto write = [this] {
    const LogWrite::Piece& piece = write_.pieces[piece_];
    const auto done = piece.file->write_at(piece.offset, piece.bytes);
    if (!done) failure_ = done.error();
  };
  if (is_at_once_) {
    write();
    return sync_next();
  }
  Duration takes = random.between(conditions_.sync_min, conditions_.sync_max);
  if (random.chance(conditions_.stall)) takes += random.between(Duration(0), conditions_.stall_max);
  after(random.between(Duration(0), takes), write);
  after(takes, [this] { sync_next(); });
}

void SimulatedLogWriter::sync_next() {
  const LogWrite::Piece& piece = write_.pieces[piece_];
  if (!failure_ && syncs()) {
    const auto done = piece.file->sync();
    if (!done) failure_ = done.error();
  }
  ++piece_;
  write_next();
}

void SimulatedLogWriter::acknowledge() {
  is_done_ = true;
  disk_.note_batch();
  if (!is_at_once_) on_written_();
}

/// A mutation: the batch is called durable at once, and is so only later.
void SimulatedLogWriter::write_in_secret() {
  for (const LogWrite::Piece& piece : write_.pieces) {
    const auto written = piece.file->write_at(piece.offset, piece.bytes);
    if (!written) failure_ = written.error();
    const Duration takes = world_.random().between(conditions_.sync_min, conditions_.sync_max) * 20;
    after(takes, [file = piece.file] { static_cast<void>(file->sync()); });
  }
  is_done_ = true;
  after(Duration(1), on_written_);
}

Result<bool> SimulatedLogWriter::finish() {
  if (failure_) return *failure_;
  return std::exchange(is_done_, false);
}

/// Nothing happens once the process is gone.
void SimulatedLogWriter::after(Duration time, std::function<void()> what) {
  world_.after(time, [alive = std::weak_ptr<int>(alive_), what = std::move(what)] {
    if (!alive.expired()) what();
  });
}

}  // namespace trellis::sim
