#include "broker/audit_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "program/log.hpp"
#include "protocol/json.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

std::string time_text(std::uint64_t time) {
  const auto seconds = static_cast<std::time_t>(time);
  std::tm parts{};
  std::array<char, 32> text{};
  gmtime_r(&seconds, &parts);
  return std::string(text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts));
}

std::uint64_t unix_now() { return static_cast<std::uint64_t>(std::time(nullptr)); }

}  // namespace

std::string audit_line(const AuditEvent& event, std::uint64_t time) {
  std::string packed;
  PackedWriter writer(packed);
  const bool has_speaker = !event.speaker.empty();
  const bool has_key = !event.key.empty();
  writer.map(6 + (has_speaker ? 1 : 0) + (has_key ? 1 : 0));
  writer.str("time").str(time_text(time)).str("user").str(event.user);
  if (has_speaker) writer.str("speaker").str(event.speaker);
  writer.str("command").str(event.command);
  if (has_key) writer.str("key").key(event.key);
  writer.str("status").str(event.status).str("message").str(event.message).str("address").str(event.address);
  return to_json(packed);
}

std::string audit_line(const AuditRate::LeftOut& left_out, std::uint64_t time) {
  std::string packed;
  PackedWriter(packed)
      .map(3)
      .str("time")
      .str(time_text(time))
      .str("user")
      .str(left_out.user)
      .str("left_out")
      .natural(left_out.count);
  return to_json(packed);
}

Result<std::unique_ptr<AuditLog>> AuditLog::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0) {
    return Error{Code::kUnavailable, "cannot write the audit file " + path + ": " + std::strerror(errno)};
  }
  return std::unique_ptr<AuditLog>(new AuditLog(descriptor));
}

AuditLog::~AuditLog() {
  tick(TimePoint::max());
  ::close(descriptor_);
}

void AuditLog::tick(TimePoint now) {
  for (const AuditRate::LeftOut& each : rate_.take_left_out(now)) add(audit_line(each, unix_now()));
}

void AuditLog::write(const AuditEvent& event, TimePoint now) {
  tick(now);
  const std::string_view who = event.user.empty() ? event.speaker : event.user;
  if (event.is_refusal && !rate_.on_refusal(who, now)) return;
  add(audit_line(event, unix_now()));
}

void AuditLog::add(const std::string& text) {
  const std::string line = text + "\n";
  const bool is_written = ::write(descriptor_, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (!is_written && !is_trouble_told_) {
    log_warning(std::string("the audit file cannot be written: ") + std::strerror(errno) +
                "; what it lacks is lost. Is its disk full?");
  }
  is_trouble_told_ = !is_written;
}

}  // namespace trellis
