#include "protocol/fence.hpp"

#include <array>

#include "protocol/command_table.hpp"
#include "protocol/lenient.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

struct ActionRow {
  FenceAction action;
  std::string_view name;
};
constexpr std::array kActions = {ActionRow{FenceAction::kBegin, "begin"}, ActionRow{FenceAction::kKeep, "keep"},
                                 ActionRow{FenceAction::kEnd, "end"}, ActionRow{FenceAction::kRaise, "raise"}};

Error wrong(Signature signature) {
  return invalid_argument("arguments must be " + std::string(row_of(signature).form));
}

/// Reads the partition and leaves the reader behind it.
std::optional<std::uint32_t> read_partition(PackedReader& reader) {
  const auto partition = read_whole(reader);
  if (!partition || *partition >= kPartitionsMax) return std::nullopt;
  return static_cast<std::uint32_t>(*partition);
}

bool read_name(PackedReader& reader, FenceName& name) {
  const auto index = read_whole(reader);
  const auto term = index ? read_whole(reader) : std::nullopt;
  if (!term) return false;
  name = {*index, *term};
  return true;
}

}  // namespace

Result<FenceArguments> read_fence(std::string_view arguments) {
  const Error error = wrong(Signature::kFence);
  PackedReader reader(arguments);
  const auto count = reader.read_array();
  if (!count || (*count != 2 && *count != 4)) return error;
  const auto partition = read_partition(reader);
  const auto name = partition ? read_text(reader) : std::nullopt;
  if (!name) return error;
  for (const ActionRow& row : kActions) {
    if (row.name != *name) continue;
    FenceArguments read{*partition, row.action, {}};
    const bool is_named = *count == 4;
    if (is_named == (row.action == FenceAction::kBegin)) return error;
    if (is_named && !read_name(reader, read.fence)) return error;
    return reader.at_end() ? Result<FenceArguments>(read) : Result<FenceArguments>(error);
  }
  return error;
}

Result<FenceArguments> read_fence_holds(std::string_view arguments) {
  const Error error = wrong(Signature::kFenceName);
  PackedReader reader(arguments);
  if (reader.read_array() != 3u) return error;
  const auto partition = read_partition(reader);
  FenceArguments read;
  if (!partition || !read_name(reader, read.fence) || !reader.at_end()) return error;
  read.partition = *partition;
  return read;
}

Result<FencePageArguments> read_fence_page(std::string_view arguments) {
  const Error error = wrong(Signature::kFencePage);
  PackedReader reader(arguments);
  if (reader.read_array() != 5u) return error;
  const auto partition = read_partition(reader);
  FencePageArguments read;
  if (!partition || !read_name(reader, read.fence)) return error;
  read.partition = *partition;
  if (!reader.read_nil()) {
    read.after = reader.read_bytes();
    if (!read.after || read.after->empty() || read.after->size() > kKeySizeMax) return error;
  }
  const auto size = read_whole(reader);
  if (!size || *size < 1 || *size > kPageSizeMax || !reader.at_end()) return error;
  read.size_max = static_cast<std::size_t>(*size);
  return read;
}

Result<std::uint32_t> read_routing_partition(std::string_view arguments) {
  PackedReader reader(arguments);
  const auto count = reader.read_array();
  const auto partition = count && *count > 0 ? read_partition(reader) : std::nullopt;
  if (!partition) return invalid_argument("arguments must begin with a partition");
  return *partition;
}

std::string pack_fence(const FenceArguments& arguments) {
  std::string packed;
  PackedWriter writer(packed);
  const bool is_named = arguments.action != FenceAction::kBegin;
  writer.array(is_named ? 4 : 2).natural(arguments.partition);
  for (const ActionRow& row : kActions) {
    if (row.action == arguments.action) writer.str(row.name);
  }
  if (is_named) writer.natural(arguments.fence.index).natural(arguments.fence.term);
  return packed;
}

std::string pack_fence_holds(std::uint32_t partition, const FenceName& fence) {
  std::string packed;
  PackedWriter(packed).array(3).natural(partition).natural(fence.index).natural(fence.term);
  return packed;
}

std::string pack_fence_page(const FencePageArguments& arguments) {
  std::string packed;
  PackedWriter writer(packed);
  writer.array(5).natural(arguments.partition).natural(arguments.fence.index).natural(arguments.fence.term);
  arguments.after ? writer.key(*arguments.after) : writer.nil();
  writer.natural(arguments.size_max);
  return packed;
}

std::string pack_result(const Fence& fence) {
  std::string packed;
  PackedWriter(packed).array(3).natural(fence.name.index).natural(fence.name.term).natural(fence.highest);
  return packed;
}

Result<Fence> read_fence_result(std::string_view packed) {
  PackedReader reader(packed);
  Fence fence;
  const bool is_triple = reader.read_array() == 3u;
  const bool is_named = is_triple && read_name(reader, fence.name);
  const auto highest = is_named ? read_whole(reader) : std::nullopt;
  if (!highest || !reader.at_end()) return Error{Code::kInternal, "a fence must be [index, term, highest]"};
  fence.highest = *highest;
  return fence;
}

}  // namespace trellis
