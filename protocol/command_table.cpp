#include "protocol/command_table.hpp"

#include <array>

namespace trellis {
namespace {

constexpr std::string_view kKeysDetails =
    "  KEYS user:              those that begin with user:\n"
    "  KEYS user:*:name        those that match: * any bytes, ? one character, [a-z] one of these\n"
    "  KEYS \"user:*\"          in quotes it is a prefix, whatever stands in it\n"
    "  KEYS FROM a TO b        from a on, and below b\n"
    "  KEYS REVERSE LIMIT 10   the ten largest\n"
    "LIST KEYS and LIST_KEYS are the same as KEYS.  --limit N is LIMIT N.\n";
constexpr std::string_view kScanDetails =
    "  SCAN user:              those whose keys begin with user:\n"
    "  SCAN user:*:name        those whose keys match: * any bytes, ? one character, [a-z] one of these\n"
    "  SCAN FROM a TO b        from a on, and below b\n"
    "  SCAN REVERSE LIMIT 10   the ten with the largest keys\n"
    "HELP KEYS says more.  --limit N is LIMIT N.\n";
constexpr std::string_view kCountDetails =
    "  COUNT user:             those that begin with user:\n"
    "  COUNT user:*:name       those that match: * any bytes, ? one character, [a-z] one of these\n"
    "  COUNT FROM a TO b       from a on, and below b\n";

constexpr OptionSet kOfAll = {Option::kTimeout, Option::kAs};
constexpr OptionSet kOfReads = kOfAll.with(Option::kConsistency);
constexpr OptionSet kOfListings =
    kOfReads.with(Option::kAtLeast).with(Option::kBelow).with(Option::kMatch).with(Option::kReverse);
constexpr OptionSet kOfWrites = kOfAll.with(Option::kSession).with(Option::kSeq).with(Option::kFloor);
constexpr OptionSet kOfPuts =
    kOfWrites.with(Option::kIfAbsent).with(Option::kIfVersion).with(Option::kIfPresent).with(Option::kTtl);
constexpr OptionSet kOfPatches = kOfPuts.with(Option::kStrict).with(Option::kReturn).with(Option::kPointer);

/// For our own tools: neither the shell nor HTTP has it.  It gives all documents, or changes what they are counted by.
constexpr CommandRow for_tools(Command command, std::string_view name, Effect effect, Signature signature,
                               ResultType result) {
  return {command, name, effect, Reach::kOnePartition, signature, kOfAll, result, {}, {}, ClusterRight::kAdmin};
}

/// For `trellis user` and `trellis role`: they are asked of the keeper of users and roles.
constexpr CommandRow about_users(Command command, std::string_view name, Signature signature, OptionSet options,
                                 ResultType result) {
  return {command, name, Effect::kManages, Reach::kKeeper, signature, options, result, {}, {}, ClusterRight::kAdmin};
}

constexpr std::array<CommandRow, kCommandCount> kCommands = {{
    {.command = Command::kPut,
     .name = "PUT",
     .effect = Effect::kWrites,
     .reach = Reach::kOneKey,
     .signature = Signature::kRecord,
     .options = kOfPuts,
     .result = ResultType::kBoolean,
     .shell = {"PUT KEY -> DOCUMENT", "stores a document, in any notation",
               "  PUT person1 -> [ name -> \"John\" | age -> 22 ]\n"
               "  PUT person1 : { name : \"John\" ; age : 22 }\n"
               "  PUT person1 {\"name\": \"John\", \"age\": 22}\n"
               "  PUT {\"person1\": {\"name\": \"John\", \"age\": 22}}\n"
               "--if-absent     only where the key is not there yet\n"
               "--if-present    only where it is there\n"
               "--if-version N  only where the document has this version, as GET KEY --info tells it\n"
               "--ttl TIME      it goes after so long: 500ms, 60s, 5m, 2h, 7d\n"},
     .http = {Method::kPut, "/v1/keys/{key}",
              "Store a document: true (201) where the key is new, false (200) where it replaced one"}},
    {.command = Command::kSet,
     .name = "SET",
     .effect = Effect::kWrites,
     .reach = Reach::kOneKey,
     .signature = Signature::kRecord,
     .options = kOfPuts,
     .result = ResultType::kBoolean,
     .shell = {"SET KEY VALUE", "the same as PUT, for short values",
               "  SET k 12\n  SET k \"some text\"\n  SET k word\n"
               "A bare word is a string here.  --if-absent and --if-version N as with PUT.\n"},
     .http = {}},
    {.command = Command::kGet,
     .name = "GET",
     .effect = Effect::kReads,
     .reach = Reach::kOneKey,
     .signature = Signature::kKey,
     .options = kOfReads,
     .result = ResultType::kDocument,
     .shell = {"GET KEY", "prints a record",
               "--stale  from any replica, perhaps not the newest\n--info   its version too, for --if-version\n"},
     .http = {Method::kGet, "/v1/keys/{key}", "The document of a key"}},
    {.command = Command::kHas,
     .name = "HAS",
     .effect = Effect::kReads,
     .reach = Reach::kOneKey,
     .signature = Signature::kKey,
     .options = kOfReads,
     .result = ResultType::kBoolean,
     .shell = {"HAS KEY", "true or false: whether the key is there", ""},
     .http = {Method::kHead, "/v1/keys/{key}", "Whether a key is there, and the version of its document"}},
    {.command = Command::kDelete,
     .name = "DELETE",
     .effect = Effect::kWrites,
     .reach = Reach::kOneKey,
     .signature = Signature::kKey,
     .options = kOfWrites.with(Option::kIfVersion),
     .result = ResultType::kBoolean,
     .shell = {"DELETE KEY", "removes a record", "--if-version N  only where it has this version\n"},
     .http = {Method::kDelete, "/v1/keys/{key}", "Remove a key and its document"}},
    {.command = Command::kPop,
     .name = "POP",
     .effect = Effect::kWrites,
     .reach = Reach::kOneKey,
     .signature = Signature::kKey,
     .options = kOfWrites,
     .result = ResultType::kDocument,
     .shell = {"POP KEY", "prints a record and removes it, in one step", ""},
     .http = {Method::kPost, "/v1/keys/{key}/pop", "Remove a key and give the document that it had, in one step"}},
    {.command = Command::kPatch,
     .name = "PATCH",
     .effect = Effect::kWrites,
     .reach = Reach::kOneKey,
     .signature = Signature::kChanges,
     .options = kOfPatches,
     .result = ResultType::kChanges,
     .shell =
         {"PATCH KEY [OPERATION, ...]", "changes a document in place, by several operations or none of them",
          "  PATCH person2 [[\"increment\", [\"visits\"], 1], [\"set\", [\"seen\"], true]]\n"
          "An operation is [name, path, value]: set, replace, increment, append, insert, remove, pop, copy, move,\n"
          "merge, test.  A path is a list of map keys and positions, [] the whole document.\n"
          "--strict           what is missing is an error, and nothing is made on the way\n"
          "--return document  the document that came of it, not the operations' results\n"},
     .http = {Method::kPatch, "/v1/keys/{key}",
              "Change a document in place: as a merge patch (RFC 7396), a JSON Patch (RFC 6902), or by operations of "
              "the protocol's"}},
    {.command = Command::kExpire,
     .name = "EXPIRE",
     .effect = Effect::kWrites,
     .reach = Reach::kOneKey,
     .signature = Signature::kLifetime,
     .options = kOfWrites.with(Option::kIfVersion),
     .result = ResultType::kBoolean,
     .shell = {"EXPIRE KEY TIME", "has a record go after so long",
               "  EXPIRE person2 60s\n"
               "A time is a number with ms, s, m, h or d behind it.  PUT KEY DOCUMENT --ttl 60s sets it at once.\n"
               "--if-version N  only where the document has this version\n"},
     .http = {}},
    {.command = Command::kTtl,
     .name = "TTL",
     .effect = Effect::kReads,
     .reach = Reach::kOneKey,
     .signature = Signature::kKey,
     .options = kOfReads,
     .result = ResultType::kTimeLeft,
     .shell = {"TTL KEY", "how long a record stays", "The time that it has left, or: for good\n"},
     .http = {}},
    {.command = Command::kQuery,
     .name = "QUERY",
     .effect = Effect::kReads,
     .reach = Reach::kOneKey,
     .signature = Signature::kPath,
     .options = kOfReads,
     .result = ResultType::kDocument,
     .shell = {"QUERY PATH", "prints the part of a document at a path",
               "  QUERY person2.address.number\n  QUERY \"my.key\".list.0\n"
               "Names with special characters stand in quotes.  Bare digits are a position in a list, or the key with\n"
               "those digits; quoted digits are always a key.\n"},
     .http = {Method::kGet, "/v1/query/{key}/{path}",
              "The part of a document at a path: a map's keys, or positions in a list from 0, each a segment of its "
              "own"}},
    {.command = Command::kCompute,
     .name = "COMPUTE",
     .effect = Effect::kReads,
     .reach = Reach::kPartitions,
     .signature = Signature::kFormula,
     .options = kOfReads,
     .result = ResultType::kNumber,
     .shell =
         {"COMPUTE EXPRESSION [WHERE x = QUERY PATH [AND y = QUERY PATH ...]]",
          "evaluates a formula over stored numbers",
          "  COMPUTE 2*(x+3) WHERE x = QUERY person2.address.number\n"
          "+ - * / ^, parentheses, sin, cos, tan (radians), log (base 10), ln, exp, sqrt, abs, min, max, pi, e.\n"},
     .http = {Method::kPost, "/v1/compute", "Evaluate an expression over numbers in documents"}},
    {.command = Command::kKeys,
     .name = "KEYS",
     .effect = Effect::kReads,
     .reach = Reach::kPartitions,
     .signature = Signature::kPage,
     .options = kOfListings,
     .result = ResultType::kKeys,
     .shell = {.usage = "KEYS [PREFIX | PATTERN] [FROM KEY] [TO KEY] [REVERSE] [LIMIT N]",
               .summary = "the keys, in byte order",
               .details = kKeysDetails,
               .takes_list = true},
     .http = {Method::kGet, "/v1/keys",
              "The keys with a prefix, in byte order; streamed whole where no limit is given"}},
    {.command = Command::kScan,
     .name = "SCAN",
     .effect = Effect::kReads,
     .reach = Reach::kPartitions,
     .signature = Signature::kPage,
     .options = kOfListings,
     .result = ResultType::kRecords,
     .shell = {"SCAN [PREFIX | PATTERN] [FROM KEY] [TO KEY] [REVERSE] [LIMIT N]",
               "the records, in byte order of their keys", kScanDetails},
     .http = {Method::kGet, "/v1/scan",
              "The keys with a prefix and their documents, as [key, document]; streamed whole where no limit is "
              "given"}},
    {.command = Command::kCount,
     .name = "COUNT",
     .effect = Effect::kReads,
     .reach = Reach::kPartitions,
     .signature = Signature::kPrefix,
     .options = kOfListings,
     .result = ResultType::kCount,
     .shell = {"COUNT [PREFIX | PATTERN] [FROM KEY] [TO KEY]", "the number of keys", kCountDetails},
     .http = {Method::kGet, "/v1/count", "How many keys have a prefix"}},
    {.command = Command::kBatch,
     .name = "BATCH",
     .effect = Effect::kItems,
     .reach = Reach::kPartitions,
     .signature = Signature::kItems,
     .options = kOfWrites,
     .result = ResultType::kItems,
     .shell = {},
     .http = {Method::kPost, "/v1/batch",
              "Up to 10000 commands at once, each with an answer of its own: [status, result, info]"}},
    {.command = Command::kMembers,
     .name = "MEMBERS",
     .effect = Effect::kReports,
     .reach = Reach::kBroker,
     .signature = Signature::kNothing,
     .options = kOfAll.with(Option::kLoad),
     .result = ResultType::kMembers,
     .shell = {.usage = "MEMBERS",
               .summary = "the workers, and how they are",
               .details = "LIST MEMBERS and LIST_MEMBERS are the same.\n",
               .takes_list = true},
     .http = {Method::kGet, "/v1/members", "The workers with their state and load"},
     .cluster = ClusterRight::kRead},
    {.command = Command::kLocate,
     .name = "LOCATE",
     .effect = Effect::kReports,
     .reach = Reach::kMap,
     .signature = Signature::kKey,
     .options = kOfAll,
     .result = ResultType::kLocation,
     .shell = {"LOCATE KEY", "the partition, leader and replicas of a key", ""},
     .http = {Method::kGet, "/v1/locate/{key}", "The partition of a key, its replicas and their leader"},
     .cluster = ClusterRight::kRead},
    {.command = Command::kStatus,
     .name = "STATUS",
     .effect = Effect::kReports,
     .reach = Reach::kBroker,
     .signature = Signature::kNothing,
     .options = kOfAll,
     .result = ResultType::kStatus,
     .shell = {"STATUS", "the cluster: its size, k, what it tolerates", ""},
     .http = {Method::kGet, "/v1/status", "The cluster as a whole: what is up, and what may still fail"},
     .cluster = ClusterRight::kRead},
    {.command = Command::kMemberRemove,
     .name = "MEMBER_REMOVE",
     .effect = Effect::kManages,
     .reach = Reach::kKeeper,
     .signature = Signature::kMember,
     .options = kOfAll.with(Option::kAllowFewer).with(Option::kDryRun),
     .result = ResultType::kBoolean,
     .shell = {"MEMBER_REMOVE ADDRESS|ID", "has a worker leave: what it holds moves away, then it ends",
               "  MEMBER_REMOVE 127.0.0.1:9003\n  MEMBER REMOVE 127.0.0.1:9003\n"
               "OK once that is begun; MEMBERS shows it go.\n"
               "--allow-fewer  even where fewer than 2k-1 workers are left\n"
               "--dry-run      changes nothing, and tells what would move\n"},
     .http = {Method::kDelete, "/v1/members/{key}", "Have a worker leave: what it holds moves away, then it ends"},
     .cluster = ClusterRight::kOperate},
    {.command = Command::kMemberKeep,
     .name = "MEMBER_KEEP",
     .effect = Effect::kManages,
     .reach = Reach::kKeeper,
     .signature = Signature::kMember,
     .options = kOfAll,
     .result = ResultType::kBoolean,
     .shell = {"MEMBER_KEEP ADDRESS|ID", "takes a removal back while it is under way", "MEMBER KEEP is the same.\n"},
     .http = {Method::kPost, "/v1/members/{key}/keep", "Take the removal of a worker back while it is under way"},
     .cluster = ClusterRight::kOperate},
    {.command = Command::kSettings,
     .name = "SETTINGS",
     .effect = Effect::kManages,
     .reach = Reach::kKeeper,
     .signature = Signature::kSettings,
     .options = kOfAll.with(Option::kDryRun),
     .result = ResultType::kSettings,
     .shell = {"SETTINGS [NAME=VALUE ...]", "what holds for the whole cluster, and changes it",
               "  SETTINGS k=3              from now on 5 replicas of each partition, on as many workers\n"
               "  SETTINGS moves=4          replicas that a worker sends, and receives, at a time\n"
               "  SETTINGS move-rate=64MiB  bytes a second that a worker spends on sending them; off: no limit\n"
               "  SETTINGS repair-after=10m a worker that is down for so long has its replicas made anew; off: never\n"
               "--dry-run  changes nothing, and tells what would move\n"},
     .http = {Method::kGet, "/v1/settings", "What holds for the whole cluster"},
     .cluster = ClusterRight::kOperate},
    {.command = Command::kMoves,
     .name = "MOVES",
     .effect = Effect::kReports,
     .reach = Reach::kKeeper,
     .signature = Signature::kNothing,
     .options = kOfAll,
     .result = ResultType::kMoves,
     .shell = {.usage = "MOVES",
               .summary = "the replicas that are on their way from worker to worker, and why they wait",
               .details = ""},
     .http = {Method::kGet, "/v1/moves", "The replicas that are on their way, and what they wait for"},
     .cluster = ClusterRight::kRead},
    {.command = Command::kRecover,
     .name = "RECOVER",
     .effect = Effect::kManages,
     .reach = Reach::kMembers,
     .signature = Signature::kRecovery,
     .options = kOfAll.with(Option::kDryRun),
     .result = ResultType::kRecovery,
     .shell = {},
     .http = {Method::kPost, "/v1/recover", "Bring back what is left of a cluster that has lost members for good"},
     .cluster = ClusterRight::kAdmin},
    about_users(Command::kUserAdd, "USER_ADD", Signature::kUserKey, kOfWrites, ResultType::kBoolean),
    about_users(Command::kUserRemove, "USER_REMOVE", Signature::kName, kOfWrites, ResultType::kBoolean),
    about_users(Command::kUserRole, "USER_ROLE", Signature::kUserRole, kOfWrites, ResultType::kBoolean),
    about_users(Command::kUserToken, "USER_TOKEN", Signature::kToken, kOfWrites, ResultType::kBoolean),
    about_users(Command::kUserList, "USER_LIST", Signature::kNothing, kOfAll, ResultType::kUsers),
    about_users(Command::kRoleSet, "ROLE_SET", Signature::kRole, kOfWrites, ResultType::kBoolean),
    about_users(Command::kRoleRemove, "ROLE_REMOVE", Signature::kName, kOfWrites, ResultType::kBoolean),
    about_users(Command::kRoleList, "ROLE_LIST", Signature::kNothing, kOfAll, ResultType::kRoles),
    for_tools(Command::kFence, "FENCE", Effect::kManages, Signature::kFence, ResultType::kDocument),
    for_tools(Command::kFenceHolds, "FENCE_HOLDS", Effect::kReports, Signature::kFenceName, ResultType::kBoolean),
    for_tools(Command::kFenceRead, "FENCE_READ", Effect::kReports, Signature::kFencePage, ResultType::kDocument),
    {.command = Command::kPing,
     .name = "PING",
     .effect = Effect::kReports,
     .reach = Reach::kBroker,
     .signature = Signature::kNothing,
     .options = kOfAll,
     .result = ResultType::kText,
     .shell = {"PING", "PONG, from the broker alone", ""},
     .http = {Method::kGet, "/v1/ping", "PONG, from a broker alone"}},
}};

/// A place without a row would hold the first enumerator again, and an empty name.
constexpr bool each_stands_at_its_place() {
  for (std::size_t i = 0; i < kCommands.size(); ++i) {
    if (kCommands[i].command != static_cast<Command>(i) || kCommands[i].name.empty()) return false;
  }
  return true;
}
static_assert(each_stands_at_its_place());

}  // namespace

std::span<const CommandRow> command_rows() { return kCommands; }
const CommandRow& row_of(Command command) { return kCommands[static_cast<std::size_t>(command)]; }

std::string_view name_of(ClusterRight right) {
  switch (right) {
    case ClusterRight::kNone: return "";
    case ClusterRight::kRead: return "read";
    case ClusterRight::kOperate: return "operate";
    case ClusterRight::kAdmin: return "admin";
  }
  return "";
}

std::string_view name_of(Command command) { return row_of(command).name; }

std::optional<Command> command_of(std::string_view name) {
  for (const CommandRow& row : kCommands) {
    if (row.name == name) return row.command;
  }
  return std::nullopt;
}

bool is_write(Command command) { return row_of(command).effect == Effect::kWrites; }
bool is_read(Command command) { return row_of(command).effect == Effect::kReads; }
bool is_on_one_key(Command command) { return row_of(command).reach == Reach::kOneKey; }
bool takes_session(Command command) { return row_of(command).options.has(Option::kSession); }

std::string names_where(const std::function<bool(Command)>& holds) {
  std::string names;
  std::string_view last;
  for (const CommandRow& row : kCommands) {
    if (!holds(row.command)) continue;
    if (!last.empty()) names.append(names.empty() ? "" : ", ").append(last);
    last = row.name;
  }
  return names.empty() ? std::string(last) : names.append(" and ").append(last);
}

std::string names_with(Option option) {
  return names_where([option](Command command) { return row_of(command).options.has(option); });
}

}  // namespace trellis
