// Key files, tokens, ZAP's questions, and users and roles as they come from files, sockets, peers and commands.
#include "program/cluster_key.hpp"
#include "program/token/token.hpp"
#include "program/user_key.hpp"
#include "program/zap.hpp"
#include "protocol/access/access_changes.hpp"
#include "protocol/access/access_messages.hpp"
#include "protocol/access/access_reports.hpp"
#include "protocol/check.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace trellis {
namespace {

void read_files(std::string_view bytes) {
  if (const auto key = read_cluster_key(bytes, "FILE")) {
    CHECK(belong_together(key->public_key, key->secret_key));
    CHECK(read_cluster_key(write_cluster_key(*key), "FILE"));
  }
  if (const auto key = read_user_key(bytes, "FILE")) {
    CHECK(belong_together(key->public_key, key->secret_key));
    CHECK(read_user_key(write_user_key(*key, "ada"), "FILE"));
  }
}

/// Frames of any sizes: each byte of the head says how long the next one is.
void read_question(std::string_view bytes) {
  Frames frames;
  while (!bytes.empty() && frames.size() < 12) {
    const auto size = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    frames.emplace_back(std::string(bytes.substr(0, size)));
    bytes.remove_prefix(frames.back().size());
  }
  const auto question = read_zap_question(frames);
  if (!question) return;
  CHECK(question->public_key.empty() || question->public_key.size() == kPublicKeySize);
  CHECK(zap_answer(*question, ZapStatus::kRefused, "", "").size() == 8);
}

void read_records(std::string_view bytes) {
  static_cast<void>(read_access_version(bytes));
  const auto records = read_access_records(bytes);
  if (!records) return;
  const auto again = read_access_records(pack(*records));
  CHECK(again && *again == *records && check(*records));
}

void read_reports(std::string_view bytes) {
  const AccessRecords first = first_access_records(std::string(kPublicKeySize, 'k'));
  static const std::string users = pack_access_report(first, Command::kUserList);
  static const std::string roles = pack_access_report(first, Command::kRoleList);
  for (const auto& read : {read_access_reports(bytes, roles), read_access_reports(users, bytes)}) {
    CHECK(!read || check(*read));
  }
}

void read_changes(std::string_view bytes) {
  const AccessRecords records = first_access_records(std::string(kPublicKeySize, 'k'));
  for (const CommandRow& row : command_rows()) {
    if (!is_about_access(row.command)) continue;
    const auto next = with_change(records, row.command, bytes);
    if (!next) continue;
    CHECK(check(*next) && read_access_records(pack(*next)) && check_access_arguments(row.command, bytes));
    CHECK(next->version == records.version || next->version == records.version + 1);
  }
}

}  // namespace
}  // namespace trellis

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  const std::string_view bytes = text_of(data, size);
  read_files(bytes);
  read_question(bytes);
  read_records(bytes);
  read_reports(bytes);
  read_changes(bytes);
  if (const auto token = bearer_token(bytes)) CHECK(is_token(*token) && token_hash(*token).size() == kTokenHashSize);
  return 0;
}
