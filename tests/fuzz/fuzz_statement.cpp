// The shell's grammar, as a line and as words (split at line ends): a statement that is taken makes a request that the
// broker takes.
#include <vector>

#include "client/statement/help.hpp"
#include "client/statement/statement.hpp"
#include "protocol/check.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace trellis {
namespace {

void check_statement(const Result<Statement>& statement) {
  if (!statement) {
    CHECK(statement.error().code == Code::kInvalidArgument && !statement.error().message.empty());
    return;
  }
  if (statement->kind == Statement::Kind::kHelp) {
    CHECK(help_text(statement->subject) || !statement->subject.empty());
    return;
  }
  if (statement->kind != Statement::Kind::kRequest) return;
  CHECK(check_arguments(statement->command, statement->arguments));
  const std::string frame = pack_request(7, statement->command, statement->arguments, statement->options);
  CHECK(std::holds_alternative<Request>(read_request(frame)));
}

}  // namespace
}  // namespace trellis

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  const std::string_view text = text_of(data, size);
  check_statement(parse_statement(text));
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == '\n') {
      words.emplace_back();
    } else {
      words.back().push_back(c);
    }
  }
  check_statement(parse_words(words));
  return 0;
}
