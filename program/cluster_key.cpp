#include "program/cluster_key.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstring>

namespace trellis {
namespace {

constexpr std::size_t kKeySize = 40;
/// A key file has two lines and perhaps comments.
constexpr std::size_t kFileSizeMax = 16 << 10;
constexpr mode_t kOthers = S_IRWXG | S_IRWXO;
constexpr const char* kRemedy = "; make one with `trellis keys init DIR`, and give its cluster.key to every process";

using Z85 = std::array<char, kKeySize + 1>;

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

Error system_error(const std::string& what) { return {Code::kInternal, what + ": " + std::strerror(errno)}; }

class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0) : descriptor_(::open(path.c_str(), flags, mode)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

/// Whether the public key is the secret one's.
bool belong_together(const ClusterKey& key) {
  Z85 derived{};
  return zmq_curve_public(derived.data(), key.secret_key.c_str()) == 0 && key.public_key == derived.data();
}

}  // namespace

Result<ClusterKey> make_cluster_key() {
  Z85 public_key{};
  Z85 secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    return Error{Code::kInternal, "this libzmq has no CURVE; Debian's has it"};
  }
  return ClusterKey{public_key.data(), secret_key.data()};
}

std::string write_cluster_key(const ClusterKey& key) {
  return "# The key of a Trellis cluster.  Whoever has it is a member: keep it as secret as the documents.\n"
         "public = " +
         key.public_key + "\nsecret = " + key.secret_key + "\n";
}

Result<ClusterKey> read_cluster_key(std::string_view text, const std::string& name) {
  ClusterKey key;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    const std::string where = name + ":" + std::to_string(number) + ": ";
    const std::size_t equals = line.find('=');
    const std::string_view what = trim(line.substr(0, equals));
    const std::string_view value = equals == std::string_view::npos ? "" : trim(line.substr(equals + 1));
    if (what != "public" && what != "secret") {
      return Error{Code::kInvalidArgument, where + "it should be `public = KEY` or `secret = KEY`" + kRemedy};
    }
    if (value.size() != kKeySize) {
      return Error{Code::kInvalidArgument, where + "a key has " + std::to_string(kKeySize) + " characters, and this " +
                                               std::to_string(value.size()) + kRemedy};
    }
    (what == "public" ? key.public_key : key.secret_key) = value;
  }
  if (key.public_key.empty() || key.secret_key.empty()) {
    return Error{Code::kInvalidArgument,
                 name + ": a line `public = KEY` and a line `secret = KEY` are needed" + std::string(kRemedy)};
  }
  if (!belong_together(key)) {
    return Error{Code::kInvalidArgument, name + ": its two keys are no pair; copy the file once more"};
  }
  return key;
}

Result<void> save_cluster_key(const ClusterKey& key, const std::string& path) {
  const File file(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (!file.is_open() && errno == EEXIST) {
    return Error{Code::kFailedPrecondition, path + " is there already; a cluster goes on with the key that it has"};
  }
  if (!file.is_open()) return system_error("cannot write " + path);
  const std::string text = write_cluster_key(key);
  const bool is_whole = ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!is_whole || ::fsync(file.get()) != 0) return system_error("cannot write " + path);
  return {};
}

Result<ClusterKey> load_cluster_key(const std::string& path) {
  const File file(path, O_RDONLY | O_CLOEXEC);
  if (!file.is_open()) {
    return Error{Code::kNotFound,
                 "cannot read the cluster's key " + path + ": " + std::strerror(errno) + std::string(kRemedy)};
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error("cannot read the cluster's key " + path);
  if ((status.st_mode & kOthers) != 0) {
    return Error{Code::kInvalidArgument, path + ": others can read it; it is a secret: chmod 600 " + path};
  }
  std::string text(kFileSizeMax, '\0');
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return system_error("cannot read the cluster's key " + path);
  text.resize(static_cast<std::size_t>(size));
  return read_cluster_key(text, path);
}

void add_cluster_key_setting(CLI::App& app, std::string& path) {
  app.add_option("--cluster-key", path,
                 "The cluster's key, as `trellis keys init` makes it: only processes that have it are let in, between "
                 "brokers and workers.  The same for all of them")
      ->type_name("FILE");
}

Result<std::optional<ClusterKey>> cluster_key_of(const std::string& path) {
  if (path.empty()) return std::optional<ClusterKey>();
  auto key = load_cluster_key(path);
  if (!key) return key.error();
  return std::optional(std::move(*key));
}

}  // namespace trellis
