// AuditLog: a line of JSON for each refused request, and for each command that changes the cluster.
//
//   {"time": "2026-11-29T20:15:00Z", "user": "ada", "command": "PUT", "key": "k", "status": "PERMISSION_DENIED", ...}
//
// Lines are added at the end of the file, each whole; what cannot be written is told in the log, and lost.  Of one
// user's refusals no more are written than AuditRate lets through, and then a line tells how many were left out:
//
//   {"time": "2026-11-29T20:15:10Z", "user": "ada", "left_out": 5123}
//
// Thread: one at a time.
#pragma once

#include <memory>
#include <string>

#include "broker/audit_rate.hpp"
#include "broker/types.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// The line of an event, without its end.  @param time  seconds since 1970
std::string audit_line(const AuditEvent& event, std::uint64_t time);
std::string audit_line(const AuditRate::LeftOut& left_out, std::uint64_t time);

class AuditLog {
 public:
  /// Makes the file, readable for its owner alone, or goes on with it.  Error: it cannot be written.
  static Result<std::unique_ptr<AuditLog>> open(const std::string& path);
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  void write(const AuditEvent& event, TimePoint now);
  /// Tells of what was left out, once its time is over.
  void tick(TimePoint now);

 private:
  explicit AuditLog(int descriptor) : descriptor_(descriptor) {}

  void add(const std::string& text);

  int descriptor_;
  AuditRate rate_;
  bool is_trouble_told_ = false;
};

}  // namespace trellis
