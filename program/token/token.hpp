// Bearer tokens: how HTTP knows a user.
//
//   trellis_<43 characters>     base64url of 32 bytes of the system's random numbers
//
// Nobody chooses one, so there is nothing to guess, and the cluster keeps its SHA-256 alone: whoever reads that cannot
// speak as the user, and no slow hash stands in a request's way.  By GnuTLS, which no other file here includes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace trellis {

inline constexpr std::string_view kTokenPrefix = "trellis_";
/// Characters of a token, its prefix included.
inline constexpr std::size_t kTokenSize = 8 + 43;

/// A new one.  Error: the system has no random numbers to give.
Result<std::string> make_token();

/// Whether it has the form of a token.
bool is_token(std::string_view text);
/// The hash under which the cluster knows it, 32 bytes.
std::string token_hash(std::string_view token);

/// The token of an Authorization header's value: "Bearer TOKEN", where the scheme's case does not count.  Nothing: it
/// holds none.
std::optional<std::string_view> bearer_token(std::string_view authorization);

}  // namespace trellis
