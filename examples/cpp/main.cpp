// Stores a document, reads parts of it back, changes it where nobody else has, and asks for much at once.
#include <iostream>
#include <trellis/client.hpp>

using namespace trellis::client;
using namespace std::chrono_literals;

namespace {

/// Errors are values: an answer's result, or the end of this program.
template <typename T>
T expect(Result<Answer<T>> answer) {
  if (answer) return std::move(answer->result);
  std::cerr << answer.error().message << (answer.error().perhaps_applied ? " (it may have happened)\n" : "\n");
  std::exit(1);
}

void blocking(Client& client) {
  expect(client.call(put("person1", Map{{"name", "Ελένη"}, {"age", 22}, {"photo", Bytes{"\x89PNG"}}})));
  std::cout << *expect(client.call(get("person1"))).find("name")->as_text() << "\n";
  std::cout << *expect(client.call(query("person1", {"age"}))).as_int() << "\n";
  std::cout << expect(client.call(compute("2*(x+3)", {{"x", {"person1", "age"}}}))) << "\n";

  // A version says which document was read; a write may ask that it still be there.
  const auto read = client.call(get("person1"));
  expect(client.call(put("person1", 1, {.if_version = read->version})));
  const auto again = client.call(put("person1", 2, {.if_version = read->version}));
  std::cout << "somebody else was first: " << (again.error().code == Code::kFailedPrecondition)
            << ", written: " << again.error().perhaps_applied << "\n";

  for (const auto& outcome : expect(client.call(batch({put("a", 1), get("a"), get("nobody")})))) {
    std::cout << (outcome ? "OK" : outcome.error().message) << "\n";
  }
}

void asynchronous(Client& client) {
  int stored = 0;
  for (int number = 0; number < 100; ++number) {
    client.start(put("task:" + std::to_string(number), number),
                 [&stored](Result<Answer<bool>> answer) { stored += answer ? 1 : 0; });
  }
  while (client.under_way() > 0) client.run(100ms);
  std::cout << stored << " stored, " << expect(client.call(count("task:"))) << " counted\n";
}

}  // namespace

int main(int count, char** words) {
  Client client({count > 1 ? words[1] : "127.0.0.1:7400"});
  blocking(client);
  asynchronous(client);
}
