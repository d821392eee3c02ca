// Key files: secrets on disk, for CURVE (libzmq's, http://curvezmq.org).
//
// Lines `name = KEY`, each key of 40 characters (Z85, ZeroMQ RFC 32); `#` begins a comment.  Whoever can read such a
// file is its owner for all that ZeroMQ knows, so one that others can read is refused.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace trellis {

/// A pair of keys, as Z85.
struct KeyPair {
  std::string public_key;
  std::string secret_key;
};

/// A new one, from the system's random numbers.  Error: libzmq was built without CURVE.
Result<KeyPair> make_key_pair();
/// Whether the public key is the secret one's.
bool belong_together(const std::string& public_key, const std::string& secret_key);
/// The 32 bytes of a key; empty where it is none.
std::string key_bytes(const std::string& z85);

/// The keys by their names.  Error: kInvalidArgument, with the line, what is wrong, and `remedy`.
/// @param source  what the text is called in errors
/// @param names   those that there may be
Result<std::map<std::string, std::string>> read_keys(std::string_view text, const std::string& source,
                                                     std::initializer_list<std::string_view> names,
                                                     const std::string& remedy);

/// Makes the file, readable for its owner alone.  Error: kFailedPrecondition where it is there already, or why it
/// cannot be written.
Result<void> save_secret(const std::string& text, const std::string& path);
/// The text of the file.  Error: kNotFound where it cannot be opened, kInvalidArgument where others can read it.
/// @param what  it is called in errors: "the cluster's key"
Result<std::string> load_secret(const std::string& path, const std::string& what, const std::string& remedy);

}  // namespace trellis
