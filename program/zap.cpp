#include "program/zap.hpp"

namespace trellis {
namespace {

constexpr const char* kVersion = "1.0";
constexpr std::size_t kPublicKeySize = 32;
/// What libzmq puts into a question is short; what is longer is not its.
constexpr std::size_t kFrameSizeMax = 256;

/// Frames of a question as a ROUTER gives it: who asks, nothing, and what RFC 27 lists.
enum Part : std::size_t {
  kAsker,
  kEmpty,
  kVersionPart,
  kRequest,
  kDomain,
  kAddress,
  kIdentity,
  kMechanism,
  kKey,
  kParts
};

Frame frame_of(std::string_view text) { return Frame(std::string(text)); }

}  // namespace

std::optional<ZapQuestion> read_zap_question(const Frames& frames) {
  if (frames.size() <= kMechanism || frames.size() > kParts) return std::nullopt;
  for (const Frame& frame : frames) {
    if (frame.size() > kFrameSizeMax) return std::nullopt;
  }
  if (frames[kEmpty].size() != 0 || frames[kVersionPart].bytes() != kVersion) return std::nullopt;
  ZapQuestion question{frames[kAsker],
                       frames[kRequest],
                       std::string(frames[kDomain].bytes()),
                       std::string(frames[kAddress].bytes()),
                       {}};
  const bool has_key = frames[kMechanism].bytes() == "CURVE" && frames.size() == kParts;
  if (has_key && frames[kKey].size() == kPublicKeySize) question.public_key = frames[kKey].bytes();
  return question;
}

Frames zap_answer(const ZapQuestion& question, ZapStatus status, std::string_view text, std::string_view user) {
  return {question.asker,
          frame_of(""),
          frame_of(kVersion),
          question.request,
          frame_of(std::to_string(static_cast<int>(status))),
          frame_of(text),
          frame_of(user),
          frame_of("")};
}

}  // namespace trellis
