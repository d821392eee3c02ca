// SparseReader: opens the containers of a packed value in which places are named, in one walk.
#pragma once

#include <optional>
#include <string_view>

#include "protocol/packed.hpp"
#include "protocol/patch/draft.hpp"

namespace trellis {

/// Arrays and maps inside one another in packed values that follow each other.
int nesting_of(std::string_view packed_values);

class SparseReader {
 public:
  explicit SparseReader(std::string_view bytes) : bytes_(bytes), reader_(bytes) {}

  /// The next value.  With places it is opened where it is a container, without it stays packed.  Nothing where the
  /// bytes are no packed value.
  std::optional<Draft::Value> read(const Places* places);

 private:
  bool read_map(Draft::Container& map, const Places& places);
  bool read_list(Draft::Container& list, const Places& places);
  bool read_child(Draft::Container& container, std::string_view name, const Places* places);
  void close_run(Draft::Container& container, std::size_t begin, std::size_t end, std::uint64_t count);

  std::string_view bytes_;
  PackedReader reader_;
};

}  // namespace trellis
