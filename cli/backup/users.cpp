#include "cli/backup/users.hpp"

#include "protocol/access/access_reports.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

constexpr std::chrono::milliseconds kTimeout{10'000};
/// Two lists that were asked for one after the other agree, but while somebody changes what they tell.
constexpr int kAttempts = 5;

Answer ask(Client& client, Command command, const std::string& arguments, const std::function<bool()>& is_interrupted) {
  Options options;
  options.timeout = kTimeout;
  return client.call(command, arguments, options, is_interrupted);
}

Error error_of(const Answer& answer) { return {answer.reply.status, answer.reply.info.message}; }

std::string role_arguments(const Role& role) {
  std::string out;
  PackedWriter(out).array(2).str(role.name).map(3);
  pack_role_fields(role, out);
  return out;
}

}  // namespace

Result<std::optional<AccessRecords>> ask_for_users(Client& client, const std::function<bool()>& is_interrupted) {
  const std::string nothing(1, '\x90');
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Answer roles = ask(client, Command::kRoleList, nothing, is_interrupted);
    if (roles.reply.status == Code::kFailedPrecondition) return std::optional<AccessRecords>();
    if (roles.reply.status != Code::kOk) return error_of(roles);
    const Answer users = ask(client, Command::kUserList, nothing, is_interrupted);
    if (users.reply.status != Code::kOk) return error_of(users);
    auto read = read_access_reports(users.reply.result, roles.reply.result);
    if (read) return std::optional<AccessRecords>(std::move(*read));
  }
  return Error{Code::kUnavailable, "users and roles changed again and again while they were read"};
}

Result<RestoredUsers> restore_users(Client& client, const AccessRecords& users,
                                    const std::function<bool()>& is_interrupted) {
  RestoredUsers restored;
  for (const Role& role : users.roles) {
    const Answer set = ask(client, Command::kRoleSet, role_arguments(role), is_interrupted);
    if (set.reply.status != Code::kOk) return error_of(set);
    ++restored.roles;
  }
  for (const User& user : users.users) {
    std::string arguments;
    PackedWriter(arguments).array(3).str(user.name).bin(user.public_key).str(user.role);
    const Answer added = ask(client, Command::kUserAdd, arguments, is_interrupted);
    if (added.reply.status == Code::kAlreadyExists) {
      restored.stayed.push_back(user.name);
      continue;
    }
    if (added.reply.status != Code::kOk) return error_of(added);
    ++restored.users;
    for (const AccessToken& token : user.tokens) {
      std::string named;
      PackedWriter(named).array(3).str(user.name).bin(token.hash).natural(token.ends_at);
      const Answer given = ask(client, Command::kUserToken, named, is_interrupted);
      if (given.reply.status != Code::kOk) return error_of(given);
    }
  }
  return restored;
}

}  // namespace trellis
