// A history: what clients asked, what they were told, and when.  The checkers read nothing else.
//
// An operation lasts from its call to its return; one that was never answered has no return.  Two operations are
// ordered in time only where one returned strictly before the other was called.  All times of a history come from one
// clock.  A BATCH is recorded as its items, one operation each; a retry as an operation of its own with the same
// session and seq.
//
// The text form, one operation a line, is for tests in other languages and for people:
//
//   trellis-history 1
//   partitions 16
//   drift 5000
//   # CALL RETURN CLIENT COMMAND KEY ARGUMENTS OPTIONS => STATUS RESULT INFO
//   0 12 c1 PUT "k" "\xa1a" session="s" seq=1 => OK true version=5
//   12 13 c1 PATCH "n" "\x91\x93\xa9increment\x90\x01" => OK "\x91\x01" version=6
//   13 20 c2 GET "k" => OK "\xa1a" version=5
//   13 20 c2 QUERY "k" "name" 0 => NOT_FOUND
//   15 - c3 DELETE "k" if_version=5 => UNKNOWN
//   21 30 c1 KEYS "prefix" limit=2 after="a" => OK "b" "k" more
//   21 30 c1 SCAN "" => OK "b" "\x01" "k" "\xa1a"
//   31 35 c1 COUNT "" => OK 2 unguaranteed
//
// Times are microseconds (any origin), CLIENT is a word. Bytes stand in double quotes with the escapes of JSON, \u00hh
// and \xhh standing for one byte, so that Python's json.dumps(data.decode("latin-1")) writes them. STATUS is the name
// on the wire, or UNKNOWN where no answer came. Options: if_absent, if_version=N, session="...", seq=N, item=N, batch=N
// (the same for the items of one BATCH), stale, limit=N, after="...", ttl=N (also what EXPIRE says). Info: version=N,
// more, unguaranteed. Documents are packed MessagePack; only QUERY looks into them, all else compares bytes.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/command.hpp"
#include "protocol/limits.hpp"
#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace trellis::sim {

/// What the client knows of the effect of its operation.
enum class Outcome : std::uint8_t {
  kDecided,      ///< The replicas answered: OK, NOT_FOUND, ALREADY_EXISTS or FAILED_PRECONDITION.
  kApplied,      ///< A write that took effect, its reply no longer known (see "Exactly-once" in docs/protocol.md).
  kNothingDone,  ///< Refused: it had no effect and will have none.
  kUnknown,      ///< No answer, or one that leaves it open: a write may have taken effect, may still, or never.
};

struct Operation {
  using Segment = std::variant<std::string, std::uint64_t>;  ///< As PathSegment.

  TimePoint call;
  std::optional<TimePoint> returned;
  std::string client;

  Command command = Command::kGet;
  std::string key;            ///< KEYS, SCAN, COUNT: the prefix.
  std::string document;       ///< PUT, SET: what is written.  PATCH: its packed operations.
  std::vector<Segment> path;  ///< QUERY, without the key.
  bool if_absent = false;
  std::optional<std::uint64_t> if_version;
  std::optional<std::uint64_t> ttl_ms;  ///< PUT, SET; EXPIRE: what it says, nothing standing for nil.
  std::string session;                  ///< Empty: none.
  std::uint64_t seq = 0;
  std::uint32_t item = 0;   ///< Position in its BATCH.
  std::uint64_t batch = 0;  ///< 0: not in a BATCH.
  bool stale = false;
  std::size_t limit = kPageKeysDefault;  ///< KEYS, SCAN.
  std::optional<std::string> after;      ///< KEYS, SCAN.

  std::optional<Code> status;            ///< Nothing: no answer.
  std::optional<bool> flag;              ///< OK of PUT, SET (the key is new), HAS, DELETE, EXPIRE (it was there).
  std::optional<std::string> found;      ///< OK of GET, POP, QUERY, TTL; of PATCH the results.
  std::optional<std::uint64_t> version;  ///< Nothing: not told, or not recorded.
  std::vector<std::string> keys;         ///< OK of KEYS, SCAN.
  std::vector<std::string> documents;    ///< OK of SCAN, one a key.
  std::uint64_t count = 0;               ///< OK of COUNT.
  bool more = false;
  bool guaranteed = true;

  bool is_listing() const {
    return command == Command::kKeys || command == Command::kScan || command == Command::kCount;
  }
  bool ok() const { return status == Code::kOk; }
  Outcome outcome() const;
  /// Whether linearizability is promised for it: reads that are stale or marked promise less.
  bool linearizable() const { return is_write(command) || (!stale && guaranteed); }
};

struct History {
  std::vector<Operation> operations;
  /// How many the cluster has; 0 where it is not known: versions are then compared within a key only.
  std::uint32_t partitions = 0;
  /// The workers' clocks ran at most so many millionths fast or slow.
  std::int64_t clock_drift = 0;
};

/// One line without its end, as in the text form.
std::string to_text(const Operation& operation);
/// Reads one such line.  Error: kInvalidArgument, naming what is wrong.
Result<Operation> read_operation(std::string_view line);

void write_history(std::ostream& out, const History& history);
/// Error: kInvalidArgument, "line N: ...".
Result<History> read_history(std::istream& in);

/// Bytes in double quotes, as in the text form.
std::string quoted_bytes(std::string_view bytes);

}  // namespace trellis::sim
