// Requests and entries in one line each, for the tests of the worker's state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/packed.hpp"
#include "worker/state/entry.hpp"
#include "worker/state/read.hpp"

namespace trellis {

/// The packed str `text`, as a document.
inline std::string packed_text(std::string_view text) {
  std::string out;
  PackedWriter(out).str(text);
  return out;
}

/// Whose write it is, and which.
struct Identity {
  std::string_view session = {};
  std::uint64_t seq = 0;
  std::uint16_t item = 0;
  std::optional<std::uint64_t> floor = std::nullopt;         ///< Set: the session is a broker's own.
  std::optional<std::uint64_t> client_floor = std::nullopt;  ///< Set: it is a client's that says floors.
};

inline Entry entry_of(EntryKind kind, std::string_view key, std::string_view content = {}, Identity identity = {}) {
  Entry entry;
  entry.kind = kind;
  entry.key = key;
  entry.content = content;
  entry.session = identity.session;
  entry.seq = identity.seq;
  entry.item = identity.item;
  entry.broker_session = identity.floor.has_value();
  entry.has_floor = identity.client_floor.has_value();
  entry.floor = identity.floor.value_or(identity.client_floor.value_or(0));
  entry.fingerprint = fingerprint_of(entry, false);
  return entry;
}

inline Read read_of(Command command, std::string_view key) {
  Read read;
  read.command = command;
  read.key = key;
  return read;
}

}  // namespace trellis
