// Every command of Trellis, a row each: what it does and whom it asks, its arguments, options and result, its help, how
// the shell takes it, and where HTTP serves it.
//
// All that goes by command reads this table: requests and their options, HELP and completion, statements, routes and
// /openapi.json, counters; and the tests hold the tables of docs/ against it.  So a new command is an enumerator and a
// row, and what carries it out.
// Invariant, checked by the compiler: each command has its row, at its own place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace trellis {

/// The order is internal; the wire carries names.
enum class Command : std::uint8_t {
  kPut,
  kSet,
  kGet,
  kHas,
  kDelete,
  kPop,
  kPatch,
  kExpire,
  kTtl,
  kQuery,
  kCompute,
  kKeys,
  kScan,
  kCount,
  kBatch,
  kMembers,
  kLocate,
  kStatus,
  kMemberRemove,
  kMemberKeep,
  kSettings,
  kMoves,
  kRecover,
  kUserAdd,
  kUserRemove,
  kUserRole,
  kUserToken,
  kUserList,
  kRoleSet,
  kRoleRemove,
  kRoleList,
  kFence,
  kFenceHolds,
  kFenceRead,
  kPing,  // The last one.
};
inline constexpr std::size_t kCommandCount = static_cast<std::size_t>(Command::kPing) + 1;

/// What a command does to documents.
enum class Effect : std::uint8_t {
  kReads,    ///< Looks at them, outside the log.
  kWrites,   ///< Changes one, through the log, and exactly once where it has a session.
  kItems,    ///< What the commands in it do: BATCH.
  kReports,  ///< Nothing: it tells of the cluster.
  kManages,  ///< Nothing: it changes the cluster.
};

/// Who has to be asked.
enum class Reach : std::uint8_t {
  kOneKey,        ///< The partition of its key, which gets its part of the request.  May stand in a BATCH.
  kOnePartition,  ///< The partition that its first argument names.
  kPartitions,    ///< Several partitions, whose answers the broker merges.
  kMembers,       ///< All members that are left: RECOVER.
  kKeeper,        ///< The leader of partition 0, which keeps the cluster map.
  kMap,           ///< The broker alone, once there is a cluster map.
  kBroker,        ///< The broker alone, whatever the cluster does.
};

/// What of the cluster itself a user must be allowed to do; each includes those before it.
enum class ClusterRight : std::uint8_t {
  kNone,
  kRead,     ///< To look at it: MEMBERS, STATUS, LOCATE.
  kOperate,  ///< To change its settings and members.
  kAdmin,    ///< To change users and roles, and whatever could bring all documents with it.
};
/// Empty for kNone.
std::string_view name_of(ClusterRight right);

/// Which arguments a command takes.
enum class Signature : std::uint8_t {
  kNothing,
  kKey,
  kRecord,   ///< Key and document.
  kPath,     ///< A key and the steps from there into its document.
  kFormula,  ///< An expression, and the paths of its variables.
  kPage,     ///< A prefix, and which part of its listing.
  kPrefix,
  kItems,     ///< Commands.
  kChanges,   ///< A key, and operations on its document.
  kLifetime,  ///< A key, and how long its document stays.
  kMember,    ///< The id or address of one.
  kSettings,  ///< What is to be set, if anything.
  kRecovery,  ///< The members that are lost, and the cluster's id.
  kUserKey,   ///< A user's name, public key and role.
  kUserRole,  ///< A user's name, and a role's.
  kToken,     ///< A user's name; a token's hash and end, or nil.
  kName,      ///< A user's, or a role's.
  kRole,      ///< A role's name, and what it allows.
  kFence,     ///< This and the next two: protocol/fence.hpp.
  kFenceName,
  kFencePage,
};
inline constexpr std::size_t kSignatureCount = static_cast<std::size_t>(Signature::kFencePage) + 1;

struct Argument {
  std::string_view name;
  std::string_view type;
  bool may_be_left_out = false;  ///< Then all that follow may, too.
};

struct SignatureRow {
  constexpr SignatureRow(Signature which, std::span<const Argument> all, std::string_view said)
      : signature(which), arguments(all), form(said) {
    for (const Argument& argument : all) least += argument.may_be_left_out ? 0 : 1;
  }

  Signature signature;
  std::span<const Argument> arguments;
  std::string_view form;  ///< For a message: "arguments must be ...".
  std::size_t least = 0;  ///< How many there have to be.
};
const SignatureRow& row_of(Signature signature);

enum class Option : std::uint8_t {
  kTimeout,
  kConsistency,
  kSession,
  kSeq,
  kFloor,
  kIfAbsent,
  kIfVersion,
  kLoad,
  kAtLeast,
  kBelow,
  kMatch,
  kReverse,
  kIfPresent,
  kStrict,
  kReturn,
  kPointer,
  kTtl,
  kAllowFewer,
  kDryRun,
  kAs,  // The last one.
};
inline constexpr std::size_t kOptionCount = static_cast<std::size_t>(Option::kAs) + 1;

struct OptionRow {
  Option option;
  std::string_view name;
  std::string_view type;  ///< For a message: "timeout_ms must be ...".
  bool of_whole_request;  ///< It belongs to a BATCH, and never to its items.
};
/// In the order of Option.
std::span<const OptionRow> option_rows();
const OptionRow& row_of(Option option);
std::optional<Option> option_of(std::string_view name);

class OptionSet {
 public:
  constexpr OptionSet() = default;
  constexpr OptionSet(std::initializer_list<Option> options) {
    for (const Option option : options) add(option);
  }
  constexpr void add(Option option) { bits_ |= 1u << static_cast<unsigned>(option); }
  constexpr bool has(Option option) const { return (bits_ >> static_cast<unsigned>(option) & 1u) != 0; }
  constexpr OptionSet with(Option option) const {
    OptionSet result = *this;
    result.add(option);
    return result;
  }

 private:
  std::uint32_t bits_ = 0;
  static_assert(kOptionCount <= 32);
};

enum class ResultType : std::uint8_t {
  kBoolean,
  kDocument,  ///< Any value: a document, or a part of one.
  kChanges,   ///< The result of each operation; the document, where that was asked for.
  kNumber,    ///< float64
  kCount,     ///< uint
  kTimeLeft,  ///< uint, milliseconds; nil: for good.
  kKeys,      ///< A page of keys.
  kRecords,   ///< A page of [key, document].
  kItems,     ///< [status, result, info] of each command.
  kMembers,   ///< This and the next two: protocol/reports.hpp.
  kLocation,
  kStatus,
  kSettings,
  kMoves,
  kRecovery,
  kUsers,  ///< An array of maps, as the next one: protocol/access/access_changes.hpp.
  kRoles,
  kText,
};

enum class Method : std::uint8_t { kGet, kHead, kPut, kPost, kDelete, kPatch };

/// Where HTTP serves the command.  A pattern's {key} is one segment of the path, {path} all that are left.
struct HttpForm {
  Method method = Method::kGet;
  std::string_view pattern;  ///< Empty: HTTP has no need of it.
  std::string_view summary;
};

/// How people type it, and what HELP says.
struct ShellForm {
  std::string_view usage;  ///< GET KEY.  Empty: it is for programs alone.
  std::string_view summary;
  std::string_view details;  ///< Examples and flags, in lines that are each ended.
  bool takes_list = false;   ///< LIST NAME and LIST_NAME mean it as well.
};

struct CommandRow {
  Command command;
  std::string_view name;
  Effect effect;
  Reach reach;
  Signature signature;
  OptionSet options;
  ResultType result;
  ShellForm shell;
  HttpForm http;
  ClusterRight cluster = ClusterRight::kNone;  ///< What it takes beside the rights on its keys.
};

/// In the order of Command, which is that of HELP.
std::span<const CommandRow> command_rows();
const CommandRow& row_of(Command command);

std::string_view name_of(Command command);
std::optional<Command> command_of(std::string_view name);

/// Whether it changes a document.  BATCH is neither a write nor a read: its items are.
bool is_write(Command command);
/// Whether it reads documents.
bool is_read(Command command);
/// Commands on one key, which may stand in a BATCH.
bool is_on_one_key(Command command);
/// Whether a session makes it exactly-once: writes and BATCH.
bool takes_session(Command command);

/// The names of those for which it holds, for a sentence: "GET, HAS and QUERY".
std::string names_where(const std::function<bool(Command)>& holds);
/// The names of the commands that know the option, for a sentence.
std::string names_with(Option option);

}  // namespace trellis
