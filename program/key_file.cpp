#include "program/key_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace trellis {
namespace {

constexpr std::size_t kKeySize = 40;
constexpr std::size_t kKeyBytes = 32;
/// A key file has three lines and perhaps comments.
constexpr std::size_t kFileSizeMax = 16 << 10;
constexpr mode_t kOthers = S_IRWXG | S_IRWXO;

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

}  // namespace

Result<KeyPair> make_key_pair() {
  Z85 public_key{};
  Z85 secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    return Error{Code::kInternal, "this libzmq has no CURVE; Debian's has it"};
  }
  return KeyPair{public_key.data(), secret_key.data()};
}

bool belong_together(const std::string& public_key, const std::string& secret_key) {
  Z85 derived{};
  return zmq_curve_public(derived.data(), secret_key.c_str()) == 0 && public_key == derived.data();
}

std::string key_bytes(const std::string& z85) {
  std::string bytes(kKeyBytes, '\0');
  if (z85.size() != kKeySize || z85.find('\0') != std::string::npos) return {};
  return zmq_z85_decode(reinterpret_cast<std::uint8_t*>(bytes.data()), z85.c_str()) == nullptr ? std::string() : bytes;
}

Result<std::map<std::string, std::string>> read_keys(std::string_view text, const std::string& source,
                                                     std::initializer_list<std::string_view> names,
                                                     const std::string& remedy) {
  std::map<std::string, std::string> keys;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    const std::string where = source + ":" + std::to_string(number) + ": ";
    const std::size_t equals = line.find('=');
    const std::string name(trim(line.substr(0, equals)));
    const std::string value(equals == std::string_view::npos ? "" : trim(line.substr(equals + 1)));
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      std::string known;
      for (const auto each : names) known.append(known.empty() ? "`" : " or `").append(each).append(" = KEY`");
      return Error{Code::kInvalidArgument, where + "it should be " + known + remedy};
    }
    if (value.size() != kKeySize) {
      return Error{Code::kInvalidArgument, where + "a key has " + std::to_string(kKeySize) + " characters, and this " +
                                               std::to_string(value.size()) + remedy};
    }
    if (key_bytes(value).empty()) return Error{Code::kInvalidArgument, where + "this is no key" + remedy};
    keys[name] = value;
  }
  return keys;
}

Result<void> save_secret(const std::string& text, const std::string& path) {
  const File file(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (!file.is_open() && errno == EEXIST) return Error{Code::kFailedPrecondition, path + " is there already"};
  if (!file.is_open()) return system_error("cannot write " + path);
  const bool is_whole = ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!is_whole || ::fsync(file.get()) != 0) return system_error("cannot write " + path);
  return {};
}

Result<std::string> load_secret(const std::string& path, const std::string& what, const std::string& remedy) {
  const File file(path, O_RDONLY | O_CLOEXEC);
  if (!file.is_open()) {
    return Error{Code::kNotFound, "cannot read " + what + " " + path + ": " + std::strerror(errno) + remedy};
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error("cannot read " + what + " " + path);
  if ((status.st_mode & kOthers) != 0) {
    return Error{Code::kInvalidArgument, path + ": others can read it; it is a secret: chmod 600 " + path};
  }
  std::string text(kFileSizeMax, '\0');
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return system_error("cannot read " + what + " " + path);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace trellis
