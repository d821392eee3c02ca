// ZAP (ZeroMQ RFC 27): what libzmq asks of whoever decides about connections, and how that is answered.
//
// Pure: frames in, frames out.  The question's frames come from libzmq itself, over a socket inside the process; they
// are checked all the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/cluster/bundle.hpp"

namespace trellis {

struct ZapQuestion {
  Frame asker;       ///< Whom to send the answer to, as a ROUTER names it.
  Frame request;     ///< The question's number.
  std::string port;  ///< The domain: which socket asks.
  std::string address;
  std::string public_key;  ///< 32 bytes; empty where the mechanism is not CURVE.
};

enum class ZapStatus : int {
  kLetIn = 200,
  kNotYet = 300,   ///< The other end is to try again.
  kRefused = 400,  ///< It is not.
};

/// @param frames  as a ROUTER gives them.  Nothing: it is no question.
std::optional<ZapQuestion> read_zap_question(const Frames& frames);

/// @param user  stands in the metadata of all that comes over the connection, as "User-Id"
Frames zap_answer(const ZapQuestion& question, ZapStatus status, std::string_view text, std::string_view user);

}  // namespace trellis
