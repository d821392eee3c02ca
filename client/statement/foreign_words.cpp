#include "client/statement/foreign_words.hpp"

#include <algorithm>

#include "client/statement/help.hpp"
#include "client/statement/statement_form.hpp"

namespace trellis {
namespace {

struct Meaning {
  std::string_view words;  ///< Separated by blanks, in capitals.
  std::string_view here;
};

constexpr Meaning kMeanings[] = {
    {"DEL RM REMOVE UNSET ERASE UNLINK", "DELETE KEY removes a record"},
    {"HDEL LREM", "DELETE KEY.NAME removes a part of a document"},
    {"LS DIR LIST-KEYS SHOW", "KEYS lists the keys, SCAN the records"},
    {"INSERT ADD STORE SAVE UPDATE UPSERT WRITE REPLACE CREATE MSET", "PUT KEY DOCUMENT stores a document"},
    {"SETNX", "PUT KEY DOCUMENT --if-absent stores it where the key is not there yet"},
    {"READ FETCH CAT MGET HGETALL PRINT TYPE", "GET KEY prints a record"},
    {"SELECT HGET GETRANGE", "QUERY KEY.NAME prints a part of a document, GET KEY all of it"},
    {"EXISTS CONTAINS", "HAS KEY says whether a key is there"},
    {"TAKE GETDEL SHIFT", "POP KEY prints a record and removes it"},
    {"CALC EVAL MATH SUM", "COMPUTE EXPRESSION evaluates a formula"},
    {"DBSIZE SIZE LEN LENGTH", "COUNT says how many keys there are"},
    {"FIND SEARCH GREP", "KEYS PREFIX lists the keys that begin with PREFIX, SCAN PREFIX their records"},
    {"WHERE WHEREIS OWNER", "LOCATE KEY names the partition and workers of a key"},
    {"NODES WORKERS PEERS SERVERS CLUSTER MEMBER", "MEMBERS lists the workers"},
    {"INFO HEALTH STATS STATE", "STATUS describes the cluster, MEMBERS its workers"},
    {"PTTL", "TTL KEY says how long a record stays"},
    {"SETEX PSETEX", "PUT KEY DOCUMENT --ttl 60s stores a record for so long"},
    {"PEXPIRE", "EXPIRE KEY 1500ms has a record go after so long"},
    {"INCRBY DECR DECRBY HINCRBY INCRBYFLOAT", "INCREMENT PATH BY N adds to a number, and N may be below 0"},
    {"HSET HMSET", "SET KEY.NAME VALUE puts a value into a document, MERGE KEY DOCUMENT several"},
    {"RPUSH LPUSH PUSH SADD ENQUEUE", "APPEND PATH VALUE adds to the end of a list"},
    {"LPOP RPOP DEQUEUE", "POP KEY.0 takes the first element of a list"},
    {"FLUSHALL FLUSHDB CLEAR TRUNCATE DROP WIPE", "nothing removes all records at once; DELETE KEY removes one"},
    {"BATCH PIPELINE",
     "`trellis load FILE` stores many records at once, and a BATCH, from a program, sends many commands"},
    {"MULTI BEGIN EXEC COMMIT ROLLBACK TRANSACTION",
     "there are no transactions over several keys; a BATCH, from a program, "
     "sends many commands at once"},
    {"ADD-WORKER ADDWORKER JOIN ADD-NODE REMOVE-WORKER",
     "the members of a cluster are those of its server file when it was made"},
    {"BACKUP DUMP EXPORT BGSAVE", "`trellis export` writes all records, in the system's shell"},
    {"RESTORE IMPORT LOAD SOURCE", "`trellis load FILE` stores the records of a file, in the system's shell"},
    {"UP DOWN GENERATE BENCH", "that is a tool of the program, for the system's shell: `trellis help` lists them"},
    {"? \\? \\H MAN USAGE COMMANDS", "HELP lists the commands"},
    {"EXIT() QUIT() :Q :Q! \\Q BYE LOGOUT STOP CLOSE", "EXIT ends the shell, as Ctrl-D does"},
};

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (same_word(words.substr(0, end), word)) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

}  // namespace

std::optional<std::string_view> meaning_of(std::string_view word) {
  if (word.empty()) return std::nullopt;
  for (const Meaning& meaning : kMeanings) {
    if (has_word(meaning.words, word)) return meaning.here;
  }
  return std::nullopt;
}

std::string advice_on(std::string_view word) {
  if (const auto meaning = meaning_of(word)) {
    return std::string(*meaning) + (meaning->starts_with("HELP") ? "" : "; HELP lists all commands");
  }
  const std::string_view nearest = nearest_command(word);
  if (nearest.empty()) return "HELP lists the commands";
  return "the nearest is " + std::string(nearest) + ", and HELP lists them all";
}

}  // namespace trellis
