// bench-witness KEYS UNDER_WAY BROKER...: a client of the library that goes by what it was told.
//
// It writes KEYS documents of 100 bytes, prints a line, and waits for one.  Then it keeps UNDER_WAY requests under
// way, half of them reads, until its standard input ends, and reads all keys once more.  Each key is asked for by one
// request at a time, so a read has to find what was acknowledged last.  At its end it prints, in JSON, how many
// requests there were, how many failed, how many reads found something else, and how long the slowest of both halves
// took.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "client/public/trellis/client.hpp"

namespace trellis::client {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kDocumentSize = 100;
constexpr std::size_t kBatch = 500;
constexpr std::size_t kBatchesUnderWay = 8;

std::string key_of(std::size_t number) { return "key:" + std::to_string(number); }

std::string document_of(std::uint64_t version) {
  std::string text = std::to_string(version) + " ";
  text.resize(kDocumentSize, 'x');
  return text;
}

class Witness {
 public:
  Witness(std::vector<std::string> brokers, std::size_t keys, std::size_t under_way)
      : client_(std::move(brokers), {.timeout = milliseconds(20'000)}), written_(keys), under_way_(under_way) {}

  /// Every key is written, or read, in batches.
  void go_through(bool writes) {
    for (std::size_t next = 0; next < written_.size() || client_.under_way() > 0;) {
      while (next < written_.size() && client_.under_way() < kBatchesUnderWay) {
        const std::size_t end = std::min(next + kBatch, written_.size());
        start_batch(next, end, writes);
        next = end;
      }
      client_.run(milliseconds(100));
    }
  }

  void begin() {
    for (std::size_t hand = 0; hand < under_way_; ++hand) ask(hand);
  }
  void run() { client_.run(milliseconds(100)); }
  void end() {
    has_ended_ = true;
    while (client_.under_way() > 0) run();
  }

  void report() const {
    std::cout << "{\"requests\": " << requests_ << ", \"failed\": " << failed_ << ", \"wrong\": " << wrong_
              << ", \"slowest_get_ms\": " << slowest_[0].count() << ", \"slowest_put_ms\": " << slowest_[1].count()
              << ", \"above_a_second\": " << slow_ << "}" << std::endl;
  }

 private:
  void start_batch(std::size_t begin, std::size_t end, bool writes) {
    std::vector<Item> items;
    for (std::size_t number = begin; number < end; ++number) {
      items.push_back(writes ? Item(put(key_of(number), document_of(0))) : Item(get(key_of(number))));
    }
    client_.start(batch(std::move(items)), [this, begin, end, writes](Result<Answer<Outcomes>> answer) {
      if (!answer) return note_failure(answer.error(), end - begin);
      for (std::size_t i = 0; i < end - begin; ++i) {
        const auto& outcome = answer->result[i];
        if (!outcome) {
          note_failure(outcome.error(), 1);
        } else if (!writes) {
          check(begin + i, outcome->result);
        }
      }
    });
  }

  /// The next request of this hand, whose keys are those that leave it as their remainder.
  void ask(std::size_t hand) {
    const std::size_t of_each = written_.size() / under_way_;
    const std::size_t number = random_() % of_each * under_way_ + hand;
    const Clock::time_point begun = Clock::now();
    if (random_() % 2 == 0) {
      client_.start(get(key_of(number)), [this, hand, number, begun](Result<Answer<Value>> answer) {
        answer ? check(number, answer->result) : note_failure(answer.error(), 1);
        on_answer(hand, begun, false);
      });
      return;
    }
    client_.start(put(key_of(number), document_of(written_[number] + 1)),
                  [this, hand, number, begun](Result<Answer<bool>> answer) {
                    answer ? void(++written_[number]) : note_failure(answer.error(), 1);
                    on_answer(hand, begun, true);
                  });
  }

  void on_answer(std::size_t hand, Clock::time_point begun, bool is_write) {
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
    slowest_[is_write] = std::max(slowest_[is_write], took);
    slow_ += took >= std::chrono::seconds(1);
    ++requests_;
    if (!has_ended_) ask(hand);
  }

  void check(std::size_t number, const Value& found) {
    const std::string* const text = found.as_text();
    if (text != nullptr && *text == document_of(written_[number])) return;
    ++wrong_;
    std::cerr << key_of(number) << " was " << written_[number] << ", and is " << (text ? text->substr(0, 20) : "?")
              << std::endl;
  }

  void note_failure(const Error& error, std::size_t count) {
    failed_ += count;
    if (told_.insert(error.message).second) std::cerr << error.message << std::endl;
  }

  Client client_;
  std::vector<std::uint64_t> written_;  ///< What each key's document was last acknowledged as.
  std::size_t under_way_;
  std::mt19937_64 random_{1};
  bool has_ended_ = false;
  std::uint64_t requests_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t wrong_ = 0;
  std::uint64_t slow_ = 0;
  milliseconds slowest_[2]{};  ///< GETs, PUTs.
  std::set<std::string> told_;
};

bool has_input_ended() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  char byte = 0;
  return ::poll(&input, 1, 0) > 0 && ::read(STDIN_FILENO, &byte, 1) <= 0;
}

int witness(std::size_t keys, std::size_t under_way, std::vector<std::string> brokers) {
  Witness witness(std::move(brokers), keys, under_way);
  witness.go_through(true);
  std::cout << "written" << std::endl;
  std::cin.get();
  witness.begin();
  while (!has_input_ended()) witness.run();
  witness.end();
  witness.go_through(false);
  witness.report();
  return 0;
}

}  // namespace
}  // namespace trellis::client

int main(int count, char** words) {
  const std::vector<std::string> arguments(words + 1, words + count);
  const auto number = [&](std::size_t at) { return std::strtoull(arguments[at].c_str(), nullptr, 10); };
  if (arguments.size() < 3 || number(1) == 0 || number(0) < number(1)) {
    std::cerr << "usage: bench-witness KEYS UNDER_WAY BROKER...\n";
    return 2;
  }
  return trellis::client::witness(number(0), number(1), {arguments.begin() + 2, arguments.end()});
}
