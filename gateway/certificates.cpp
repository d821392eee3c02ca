#include "gateway/certificates.hpp"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include <array>
#include <atomic>
#include <deque>
#include <fstream>
#include <mutex>
#include <sstream>

#include "program/key_file.hpp"

namespace trellis {
namespace {

/// A chain is never longer.
constexpr unsigned kChainMax = 16;
constexpr std::size_t kFileSizeMax = 1 << 20;

Error bad(const std::string& file, const std::string& what) { return invalid_argument(file + ": " + what); }
Error bad(const std::string& file, int code) { return bad(file, std::string(gnutls_strerror(code))); }

gnutls_datum_t datum_of(const std::string& text) {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())), static_cast<unsigned>(text.size())};
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return bad(path, "it cannot be read");
  if (text.str().size() > kFileSizeMax) return bad(path, "it is no certificate");
  return text.str();
}

}  // namespace

/// A certificate with its chain, and its key.
struct Certificates::Pair {
  std::array<gnutls_pcert_st, kChainMax> chain{};
  unsigned length = 0;
  gnutls_privkey_t key = nullptr;

  ~Pair() {
    for (unsigned i = 0; i < length; ++i) gnutls_pcert_deinit(&chain[i]);
    if (key != nullptr) gnutls_privkey_deinit(key);
  }

  static Result<std::unique_ptr<Pair>> load(const std::string& certificate_file, const std::string& key_file) {
    const auto certificate = read_file(certificate_file);
    if (!certificate) return certificate.error();
    const auto secret = load_secret(key_file, "the key of the certificate", "");
    if (!secret) return secret.error();
    auto pair = std::make_unique<Pair>();
    const gnutls_datum_t chain = datum_of(*certificate);
    pair->length = kChainMax;
    int code = gnutls_pcert_list_import_x509_raw(pair->chain.data(), &pair->length, &chain, GNUTLS_X509_FMT_PEM, 0);
    if (code != 0) pair->length = 0;
    if (code == 0 && pair->length == 0) return bad(certificate_file, "it holds no certificate");
    if (code != 0) return bad(certificate_file, code);
    const gnutls_datum_t key = datum_of(*secret);
    gnutls_privkey_init(&pair->key);
    code = gnutls_privkey_import_x509_raw(pair->key, &key, GNUTLS_X509_FMT_PEM, nullptr, 0);
    if (code != 0) return bad(key_file, code);
    if (!belong_together(pair->chain[0], pair->key)) {
      return bad(key_file, "it is not the key of the certificate in " + certificate_file);
    }
    return pair;
  }

 private:
  static bool belong_together(gnutls_pcert_st& certificate, gnutls_privkey_t key) {
    gnutls_pubkey_t of_key = nullptr;
    gnutls_pubkey_init(&of_key);
    std::array<unsigned char, 64> ids[2] = {};
    std::size_t sizes[2] = {ids[0].size(), ids[1].size()};
    const bool are_same = gnutls_pubkey_import_privkey(of_key, key, 0, 0) == 0 &&
                          gnutls_pubkey_get_key_id(of_key, 0, ids[0].data(), &sizes[0]) == 0 &&
                          gnutls_pubkey_get_key_id(certificate.pubkey, 0, ids[1].data(), &sizes[1]) == 0 &&
                          sizes[0] == sizes[1] && ids[0] == ids[1];
    gnutls_pubkey_deinit(of_key);
    return are_same;
  }
};

struct Certificates::Kept {
  std::mutex mutex;
  std::deque<std::unique_ptr<Pair>> pairs;  ///< The newest last.
};

namespace {

std::atomic<void*> serving{nullptr};

}  // namespace

Certificates::Certificates(std::string certificate_file, std::string key_file)
    : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)), kept_(std::make_unique<Kept>()) {}

Certificates::~Certificates() {
  void* self = kept_.get();
  serving.compare_exchange_strong(self, nullptr);
}

Result<std::unique_ptr<Certificates>> Certificates::load(const std::string& certificate_file,
                                                         const std::string& key_file) {
  std::unique_ptr<Certificates> certificates(new Certificates(certificate_file, key_file));
  if (auto loaded = certificates->reload(); !loaded) return loaded.error();
  serving = certificates->kept_.get();
  return certificates;
}

Result<void> Certificates::reload() {
  auto pair = Pair::load(certificate_file_, key_file_);
  if (!pair) return pair.error();
  const std::lock_guard lock(kept_->mutex);
  kept_->pairs.push_back(std::move(*pair));
  if (kept_->pairs.size() > kKeptMax) kept_->pairs.pop_front();
  return {};
}

void* Certificates::callback() {
  gnutls_certificate_retrieve_function2* const retrieve = [](gnutls_session_t, const gnutls_datum_t*, int,
                                                             const gnutls_pk_algorithm_t*, int, gnutls_pcert_st** chain,
                                                             unsigned* length, gnutls_privkey_t* key) -> int {
    auto* const kept = static_cast<Kept*>(serving.load());
    if (kept == nullptr) return -1;
    const std::lock_guard lock(kept->mutex);
    Pair& newest = *kept->pairs.back();
    *chain = newest.chain.data();
    *length = newest.length;
    *key = newest.key;
    return 0;
  };
  return reinterpret_cast<void*>(retrieve);
}

}  // namespace trellis
