#include "program/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

namespace trellis {
namespace {

/// spdlog writes time and level; what follows is rendered here.
constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

/// The log of this process.  `mutex` guards the names; spdlog guards itself.
class Log {
 public:
  Log() : logger_("trellis", std::make_shared<spdlog::sinks::stderr_sink_mt>()) { set({}, "trellis"); }

  void set(const LogSettings& settings, const std::string& component) {
    const std::lock_guard lock(mutex_);
    json_ = settings.format == LogFormat::kJson;
    component_ = component;
    logger_.set_pattern(json_ ? kJsonPattern : kTextPattern, spdlog::pattern_time_type::utc);
    logger_.set_level(to_spdlog(settings.level));
    logger_.flush_on(spdlog::level::debug);
  }
  void set_cluster(const ClusterId& cluster) {
    const std::lock_guard lock(mutex_);
    cluster_ = cluster;
  }
  void set_worker(WorkerId worker) {
    const std::lock_guard lock(mutex_);
    worker_ = to_string(worker);
  }
  bool wants(LogLevel level) const { return logger_.should_log(to_spdlog(level)); }

  void write(LogLevel level, std::string_view message, const LogSubject& subject) {
    const std::string line = json_ ? json(message, subject) : text(message, subject);
    logger_.log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  std::string text(std::string_view message, const LogSubject& subject) {
    const std::lock_guard lock(mutex_);
    std::string line = component_;
    if (!cluster_.empty()) line += " cluster=" + cluster_;
    if (const std::string worker = worker_of(subject); !worker.empty()) line += " worker=" + worker;
    if (subject.partition) line += " partition=" + std::to_string(subject.partition->value);
    line.append(" ").append(message);
    // Outside bytes in a message can neither break the line nor steer a terminal.
    std::replace_if(
        line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    return line;
  }

  /// The members of a JSON object, without its braces: they are in the pattern.
  std::string json(std::string_view message, const LogSubject& subject) {
    nlohmann::ordered_json fields;
    {
      const std::lock_guard lock(mutex_);
      fields["component"] = component_;
      if (!cluster_.empty()) fields["cluster"] = cluster_;
      if (const std::string worker = worker_of(subject); !worker.empty()) fields["worker"] = worker;
    }
    if (subject.partition) fields["partition"] = subject.partition->value;
    fields["message"] = message;
    const std::string object = fields.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    return object.substr(1, object.size() - 2);
  }

  std::string worker_of(const LogSubject& subject) const {
    return subject.worker ? to_string(*subject.worker) : worker_;
  }

  spdlog::logger logger_;
  std::mutex mutex_;
  std::string component_;
  std::string cluster_;
  std::string worker_;
  std::atomic<bool> json_ = false;
};

/// Made at its first use and never destroyed, so that threads may log to the end.
Log& the_log() {
  static auto* log = new Log;
  return *log;
}

}  // namespace

void start_log(const std::string& component, const LogSettings& settings) { the_log().set(settings, component); }
void set_log_cluster(const ClusterId& cluster) { the_log().set_cluster(cluster); }
void set_log_worker(WorkerId worker) { the_log().set_worker(worker); }
bool is_logged(LogLevel level) { return the_log().wants(level); }

void log(LogLevel level, std::string_view message, const LogSubject& subject) {
  if (is_logged(level)) the_log().write(level, message, subject);
}

}  // namespace trellis
