// Certificates: what the gateway shows for TLS, taken up anew while it serves.
//
// Two PEM files: the certificate with those that lead from it to a known one, and its key, which others must not be
// able to read.  A new pair that cannot be used is refused, and the one before stays: nobody is cut off by a file that
// is half written.  By GnuTLS, through libmicrohttpd.
// Safe from any thread: handshakes are on the HTTP library's, reload() on another.
#pragma once

#include <memory>
#include <string>

#include "protocol/result.hpp"

struct MHD_Daemon;

namespace trellis {

class Certificates {
 public:
  /// Protocols and ciphers: TLS 1.2 and 1.3, with forward secrecy, authenticated encryption and at least 128 bits.
  static constexpr const char* kPriorities =
      "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305:"
      "-MAC-ALL:+AEAD:%SERVER_PRECEDENCE";
  /// Pairs that handshakes under way may still use.
  static constexpr std::size_t kKeptMax = 8;

  /// Error: kInvalidArgument, which names the file and what is wrong with it.
  static Result<std::unique_ptr<Certificates>> load(const std::string& certificate_file, const std::string& key_file);
  ~Certificates();
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  /// The files have changed.  Error: as load(); nothing is changed then.
  Result<void> reload();

  /// For MHD_OPTION_HTTPS_CERT_CALLBACK, which gives its callback nothing to know an object by: so one of these serves
  /// in a process at a time, the one that was loaded last.
  static void* callback();

 private:
  struct Pair;
  struct Kept;
  Certificates(std::string certificate_file, std::string key_file);

  std::string certificate_file_;
  std::string key_file_;
  std::unique_ptr<Kept> kept_;
};

}  // namespace trellis
