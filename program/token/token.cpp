#include "program/token/token.hpp"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <algorithm>
#include <array>

#include "protocol/check.hpp"

namespace trellis {
namespace {

constexpr std::size_t kRandomBytes = 32;
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kScheme = "bearer";

}  // namespace

Result<std::string> make_token() {
  std::array<unsigned char, kRandomBytes> bytes{};
  if (gnutls_rnd(GNUTLS_RND_KEY, bytes.data(), bytes.size()) != 0) {
    return Error{Code::kInternal, "the system gives no random numbers"};
  }
  std::string token(kTokenPrefix);
  unsigned bits = 0;
  int held = 0;
  for (const unsigned char byte : bytes) {
    bits = bits << 8 | byte;
    for (held += 8; held >= 6; held -= 6) token.push_back(kAlphabet[bits >> (held - 6) & 63]);
  }
  token.push_back(kAlphabet[bits << (6 - held) & 63]);  // 256 bits leave four for the last character.
  return token;
}

bool is_token(std::string_view text) {
  return text.size() == kTokenSize && text.starts_with(kTokenPrefix) &&
         text.find_first_not_of(kAlphabet, kTokenPrefix.size()) == std::string_view::npos;
}

std::string token_hash(std::string_view token) {
  std::string hash(gnutls_hash_get_len(GNUTLS_DIG_SHA256), '\0');
  CHECK(gnutls_hash_fast(GNUTLS_DIG_SHA256, token.data(), token.size(), hash.data()) == 0);
  return hash;
}

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c; };
  const bool is_bearer =
      authorization.size() > kScheme.size() &&
      std::equal(kScheme.begin(), kScheme.end(), authorization.begin(), [&](char a, char b) { return a == lower(b); });
  if (!is_bearer) return std::nullopt;
  std::string_view rest = authorization.substr(kScheme.size());
  const std::size_t begin = rest.find_first_not_of(' ');
  if (begin == 0 || begin == std::string_view::npos) return std::nullopt;
  rest = rest.substr(begin);
  return is_token(rest) ? std::optional(rest) : std::nullopt;
}

}  // namespace trellis
