// CommandResult: what one command came to on one partition, and how it is packed for the client.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/effort.hpp"
#include "protocol/frame.hpp"
#include "protocol/reply.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// Which of its members holds the result.
enum class ResultKind : std::uint8_t { kNil, kFalse, kTrue, kNumber, kPacked };

struct CommandResult {
  Code status = Code::kOk;
  ResultKind kind = ResultKind::kNil;
  bool more = false;  ///< KEYS and SCAN: there are further keys after this page.
  /// With a pattern, where there is more: behind which key to go on.  In the trie, until its next write.
  std::optional<std::string_view> after;
  std::uint64_t number = 0;  ///< kNumber.
  Frame packed;              ///< kPacked: one packed value.  A read's may lie in the trie, until its next write.
  std::optional<std::uint64_t> version;
  std::optional<std::uint64_t> ttl_ms;  ///< What is left of the document's time, where that is limited.
  ExactlyOnce exactly_once = ExactlyOnce::kNothing;
  std::string message;  ///< With every error: one line a person can act on.
  Effort effort = 0;    ///< What it took to find, beside kItemEffort and what packing it takes.

  static CommandResult of(bool value);
  static CommandResult of_number(std::uint64_t value);
  static CommandResult of_packed(Frame value, std::optional<std::uint64_t> version = std::nullopt);
  static CommandResult failed(Code code, std::string message);
  static CommandResult failed(const Error& error) { return failed(error.code, error.message); }
};

/// A reply frame as the client gets it: [1, id, status, result, info].
std::string pack_reply_frame(std::uint64_t id, const CommandResult& result);
/// Appends it.
void pack_reply_frame(std::string& out, std::uint64_t id, const CommandResult& result);

/// Appends what a kBatch answers for one item: [index, status, result, info].
void pack_batch_item(std::string& out, std::uint32_t index, const CommandResult& result);

}  // namespace trellis
