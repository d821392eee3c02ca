// Bulk: what is large between two processes of the cluster travels so that nothing urgent waits behind it.
//
// A connection delivers in order, so whatever was given to it stands in front of all that follows: a document of 14 MiB
// at 1 MB/s would hold up heartbeats, hellos and leadership checks for 14 s, and a connection on which nothing is
// received whole for some seconds is taken for dead (ZeroMQ counts a frame as a sign of life when it has come to its
// end).  So items whose body has kUrgentMax bytes or more go through a BulkSender.  It gives the connection no more
// than a window of bytes whose arrival has not been reported, cuts what is large into slices, and lets those take turns
// with smaller items.  Everything else goes into the bundle at once.
//
//   sender                                      receiver
//   item, slice, slice, mark(position) ───────▶ puts slices together
//   window moves on          ◀───────────────── reached(position, how much of which item is here)
//
// Items of a bundle, types that no message has:
//
//   slice    header = item u64 | offset u64 | total u64 | type u8 | the item's own header, with the first slice
//            body   = the bytes from offset on
//   mark     header = stream u64 | position u64        position: bytes of bulk sent in this stream so far
//   reached  header = stream u64 | position u64 | item u64 | received u64
//
// Here are the shapes of these items; bulk_sender.hpp and bulk_receiver.hpp hold the two sides.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/cluster/bundle.hpp"

namespace trellis::bulk {

enum class Type : std::uint8_t { kSlice = 200, kMark = 201, kReached = 202 };

inline bool is_bulk_type(std::uint8_t type) { return type >= 200 && type <= 202; }

/// Bodies below it are copied into the head frame and never wait.
constexpr std::size_t kUrgentMax = BundleWriter::kInlineMax;
/// Up to this size an item travels whole on any link: 0.07 s at 1 MB/s.
constexpr std::size_t kWholeMax = 64 << 10;
/// A slice has at least this size.
constexpr std::size_t kSliceSize = 32 << 10;
/// Bytes a second.  Over slower links large requests may end in vain.
constexpr std::size_t kSlowestLink = 1'000'000;
/// The largest request, and what a log entry adds to it, is far smaller.  What a partner may make a receiver keep.
constexpr std::size_t kItemSizeMax = 128 << 20;
/// What all partners together may.
constexpr std::size_t kHeldMax = 4 * kItemSizeMax;
/// An item's own header has at most so many bytes.
constexpr std::size_t kHeaderSizeMax = 4096;

inline bool is_urgent(const Frame& body) { return body.size() < kUrgentMax; }

struct Slice {
  std::uint64_t item = 0;  ///< Names it among all items that this process ever sends.
  std::uint64_t offset = 0;
  std::uint64_t total = 0;
  std::uint8_t type = 0;
  std::string_view header;  ///< With the first slice only.
};

struct Mark {
  std::uint64_t stream = 0;
  std::uint64_t position = 0;
};

struct Reached {
  Mark mark;
  std::uint64_t item = 0;      ///< The one that is being put together; 0: none.
  std::uint64_t received = 0;  ///< How much of it is here.
};

std::string pack(const Slice& slice);
std::string pack(const Mark& mark);
std::string pack(const Reached& reached);
/// Errors: kInvalidArgument.  A slice is checked for itself: it lies inside its item, and is not empty.
Result<Slice> read_slice(std::string_view header, std::size_t body_size);
Result<Mark> read_mark(std::string_view header);
Result<Reached> read_reached(std::string_view header);

}  // namespace trellis::bulk
