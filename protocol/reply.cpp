#include "protocol/reply.hpp"

#include <algorithm>
#include <array>

#include "protocol/notation/notation_text.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

constexpr std::size_t kMessageSizeMax = 4096;  ///< Bytes of an error's message that a client gets.
constexpr char kPackedNil = static_cast<char>(0xc0);

Error bad(const char* what) { return invalid_argument(std::string("reply: ") + what); }

/// A message as the contract wants it: one line of UTF-8 of bounded length.  The last resort: whoever names outside
/// bytes quotes them (quoted_excerpt), so nearly always it goes out as it is.
std::string one_line(std::string_view message) {
  std::string_view shown = message.substr(0, kMessageSizeMax);
  // A character at the cut is left out whole.
  while (shown.size() < message.size() && shown.size() > kMessageSizeMax - 4 &&
         (message[shown.size()] & 0xc0) == 0x80) {
    shown.remove_suffix(1);
  }
  const bool is_line = std::none_of(shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20; });
  if (is_line && is_utf8(shown)) return std::string(shown);
  std::string escaped;
  append_quoted(escaped, shown, true);
  return escaped.substr(1, escaped.size() - 2);
}

constexpr std::array<std::string_view, 4> kExactlyOnceNames = {"", "unknown", "other_request", "applied"};

ExactlyOnce exactly_once_of(std::string_view name) {
  const auto at = std::find(kExactlyOnceNames.begin(), kExactlyOnceNames.end(), name);
  return at == kExactlyOnceNames.end() ? ExactlyOnce::kNothing
                                       : static_cast<ExactlyOnce>(at - kExactlyOnceNames.begin());
}

}  // namespace

std::string_view name_of(ExactlyOnce told) { return kExactlyOnceNames[static_cast<std::size_t>(told)]; }

void pack_info(std::string& out, const ReplyInfo& info) {
  PackedWriter writer(out);
  writer.map((info.message.empty() ? 0 : 1) + (info.version ? 1 : 0) + (info.ttl_ms ? 1 : 0) + (info.more ? 1 : 0) +
             (info.after ? 1 : 0) + (info.guaranteed ? 0 : 1) + (info.warnings.empty() ? 0 : 1) +
             (info.missing_partitions.empty() ? 0 : 1) + (info.exactly_once == ExactlyOnce::kNothing ? 0 : 1) +
             (info.filtered ? 1 : 0));
  if (!info.message.empty()) writer.str("message").str(one_line(info.message));
  if (info.version) writer.str("version").natural(*info.version);
  if (info.ttl_ms) writer.str("ttl_ms").natural(*info.ttl_ms);
  if (info.more) writer.str("more").boolean(true);
  if (info.after) writer.str("after").key(*info.after);
  if (!info.guaranteed) writer.str("guaranteed").boolean(false);
  if (info.exactly_once != ExactlyOnce::kNothing) writer.str("exactly_once").str(name_of(info.exactly_once));
  if (!info.warnings.empty()) {
    writer.str("warnings").array(info.warnings.size());
    for (const std::string& warning : info.warnings) writer.str(warning);
  }
  if (!info.missing_partitions.empty()) {
    writer.str("missing_partitions").array(info.missing_partitions.size());
    for (const std::uint32_t partition : info.missing_partitions) writer.natural(partition);
  }
  if (info.filtered) writer.str("filtered").boolean(true);
}

std::string pack_reply(const Reply& reply) {
  std::string out;
  out.reserve(32 + reply.result.size());
  PackedWriter writer(out);
  writer.array(5).natural(1).natural(reply.id).str(name_of(reply.status));
  writer.packed(reply.result.empty() ? std::string_view(&kPackedNil, 1) : reply.result);
  pack_info(out, reply.info);
  return out;
}

std::string pack_error(std::uint64_t id, const Error& error) {
  Reply reply;
  reply.id = id;
  reply.status = error.code;
  reply.info.message = error.message;
  return pack_reply(reply);
}

Result<ReplyInfo> read_info(std::string_view packed) {
  PackedReader reader(packed);
  const auto pairs = reader.read_map();
  if (!pairs) return bad("info is no map");
  ReplyInfo info;
  for (std::uint32_t i = 0; i < *pairs; ++i) {
    const auto name = reader.read_str();
    const auto packed_value = reader.read_value();
    if (!name || !packed_value) return bad("info is cut off");
    PackedReader value(*packed_value);
    if (*name == "message") {
      info.message = value.read_str().value_or("");
    } else if (*name == "version") {
      info.version = value.read_uint();
    } else if (*name == "ttl_ms") {
      info.ttl_ms = value.read_uint();
    } else if (*name == "more") {
      info.more = value.read_bool().value_or(false);
    } else if (*name == "after") {
      info.after = value.read_bytes();
    } else if (*name == "filtered") {
      info.filtered = value.read_bool().value_or(false);
    } else if (*name == "guaranteed") {
      info.guaranteed = value.read_bool().value_or(true);
    } else if (*name == "exactly_once") {
      info.exactly_once = exactly_once_of(value.read_str().value_or(""));
    } else if (*name == "warnings") {
      // A forged count ends at the first missing element.
      for (std::uint32_t left = value.read_array().value_or(0); left > 0; --left) {
        const auto warning = value.read_str();
        if (!warning) return bad("a warning is no str");
        info.warnings.emplace_back(*warning);
      }
    } else if (*name == "missing_partitions") {
      for (std::uint32_t left = value.read_array().value_or(0); left > 0; --left) {
        const auto partition = value.read_uint();
        if (!partition) return bad("a missing partition is no number");
        info.missing_partitions.push_back(static_cast<std::uint32_t>(*partition));
      }
    }
  }
  if (!reader.at_end()) return bad("bytes after info");
  return info;
}

Result<Reply> read_reply(std::string_view frame) {
  PackedReader reader(frame);
  const auto elements = reader.read_array();
  if (!elements || *elements != 5) return bad("it is no array of 5 elements");
  const auto version = reader.read_int();
  if (!version || *version != 1) return bad("its version is not 1");
  const auto id = reader.read_uint();
  const auto status = reader.read_str();
  const auto code = status ? code_of(*status) : std::nullopt;
  if (!id || !code) return bad("id or status is not as docs/protocol.md says");
  const auto result = reader.read_value();
  if (!result) return bad("the result is cut off");
  auto info = read_info(frame.substr(reader.position()));
  if (!info) return info.error();
  Reply reply;
  reply.id = *id;
  reply.status = *code;
  reply.result = *result;
  reply.info = std::move(*info);
  return reply;
}

}  // namespace trellis
