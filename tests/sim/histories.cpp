#include "tests/sim/histories.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <sstream>

namespace trellis::sim {
namespace {

using Random = std::mt19937_64;

std::uint64_t below(Random& random, std::uint64_t end) { return random() % end; }
bool chance(Random& random, double share) { return static_cast<double>(random() >> 11) * 0x1p-53 < share; }

/// The store that is right by being simple.
class Store {
 public:
  void apply(Operation& op) {
    if (op.is_listing()) return list(op);
    const auto at = documents_.find(op.key);
    const bool is_there = at != documents_.end();
    op.status = Code::kOk;
    if (op.if_version && !(is_there && at->second.version == *op.if_version)) {
      op.status = Code::kFailedPrecondition;
    } else if (op.if_absent && is_there) {
      op.status = Code::kAlreadyExists;
    } else if (op.command == Command::kPut) {
      op.flag = !is_there;
      version_ += 1 + version_ % 3;
      op.version = version_;
      documents_[op.key] = {op.document, version_};
    } else if (op.command == Command::kDelete) {
      op.flag = is_there;
      if (is_there) documents_.erase(at);
    } else if (op.command == Command::kHas) {
      op.flag = is_there;
      if (is_there) op.version = at->second.version;
    } else if (!is_there) {
      op.status = Code::kNotFound;
    } else {
      op.found = at->second.bytes;
      op.version = at->second.version;
      if (op.command == Command::kPop) documents_.erase(at);
    }
  }

  std::uint64_t version_of(const std::string& key) const {
    const auto at = documents_.find(key);
    return at == documents_.end() ? version_ : at->second.version;
  }

 private:
  struct Document {
    std::string bytes;
    std::uint64_t version = 0;
  };

  void list(Operation& op) const {
    op.status = Code::kOk;
    for (const auto& [key, document] : documents_) {
      if (key.substr(0, op.key.size()) != op.key || (op.after && key <= *op.after)) continue;
      ++op.count;
      if (op.command == Command::kCount) continue;
      if (op.keys.size() == op.limit) {
        op.more = true;
        break;
      }
      op.keys.push_back(key);
      if (op.command == Command::kScan) op.documents.push_back(document.bytes);
    }
  }

  std::map<std::string, Document> documents_;
  std::uint64_t version_ = 0;
};

class Generator {
 public:
  explicit Generator(const RandomHistory& shape) : shape_(shape), random_(shape.seed) {}

  History run() {
    for (std::size_t client = 0; client < shape_.clients; ++client) at(delay(), [this, client] { call(client); });
    while (!agenda_.empty()) {
      const auto event = agenda_.begin();
      now_ = event->first.first;
      const auto what = std::move(event->second);
      agenda_.erase(event);
      what();
    }
    return std::move(history_);
  }

 private:
  using Moment = std::pair<std::int64_t, std::uint64_t>;

  std::int64_t delay() {
    return static_cast<std::int64_t>(below(random_, static_cast<std::uint64_t>(shape_.delay_max))) + 1;
  }
  void at(std::int64_t in, std::function<void()> what) {
    agenda_.emplace(Moment{now_ + in, ++read_context_}, std::move(what));
  }
  TimePoint now() const { return TimePoint(Duration(now_)); }

  Operation random_operation(std::size_t client) {
    Operation op;
    op.client = "c" + std::to_string(client);
    op.key = "k" + std::to_string(below(random_, shape_.keys));
    if (chance(random_, shape_.listings)) {
      op.command = std::array{Command::kKeys, Command::kScan, Command::kCount}[below(random_, 3)];
      op.key = below(random_, 2) ? "k" : "k1";
      if (op.command != Command::kCount) op.limit = 1 + below(random_, 10);
      if (op.command != Command::kCount && below(random_, 2))
        op.after = "k" + std::to_string(below(random_, shape_.keys));
      return op;
    }
    op.command = std::array{Command::kPut, Command::kPut, Command::kPut,    Command::kGet, Command::kGet,
                            Command::kGet, Command::kHas, Command::kDelete, Command::kPop}[below(random_, 9)];
    if (op.command == Command::kPut) {
      op.document = "d" + std::to_string(shape_.documents ? below(random_, shape_.documents) : ++document_);
      op.if_absent = below(random_, 6) == 0;
    }
    const bool may_have_version = op.command == Command::kDelete || (op.command == Command::kPut && !op.if_absent);
    if (may_have_version && below(random_, 4) == 0) op.if_version = store_.version_of(op.key) + below(random_, 8) / 7;
    return op;
  }

  void call(std::size_t client) {
    if (history_.operations.size() >= shape_.operations) return;
    Operation op = random_operation(client);
    const bool is_lost = is_write(op.command) && chance(random_, shape_.unknown);
    const bool has_session = is_write(op.command) && shape_.unknown > 0 && below(random_, 2) == 0;
    if (has_session) {
      op.session = "s" + std::to_string(client);
      op.seq = ++seq_;
    }
    op.call = now();
    const std::size_t place = history_.operations.size();
    history_.operations.push_back(op);
    if (!is_lost) {
      at(delay(), [this, place, client] { take_effect(place, client); });
    } else {
      lose(place, client, has_session);
    }
  }

  void take_effect(std::size_t place, std::size_t client) {
    store_.apply(history_.operations[place]);
    at(delay(), [this, place, client] {
      history_.operations[place].returned = now();
      at(delay(), [this, client] { call(client); });
    });
  }

  /// The answer is lost; the write may happen soon, late or never, and the client may try again.
  void lose(std::size_t place, std::size_t client, bool is_retried) {
    const auto first = std::make_shared<std::optional<Operation>>();
    const auto apply_once = [this, place, first] {
      if (*first) return;
      *first = history_.operations[place];
      store_.apply(**first);
    };
    const std::uint64_t fate = below(random_, 3);
    if (fate > 0) at(fate == 1 ? delay() : delay() * 50, apply_once);
    if (!is_retried) return at(delay(), [this, client] { call(client); });
    at(delay(), [this, place, client, first, apply_once] {
      Operation again = history_.operations[place];
      again.call = now();
      const std::size_t second = history_.operations.size();
      history_.operations.push_back(again);
      at(delay(), [this, second, client, first, apply_once] {
        apply_once();
        const TimePoint called = history_.operations[second].call;
        history_.operations[second] = **first;
        history_.operations[second].call = called;
        at(delay(), [this, second, client] {
          history_.operations[second].returned = now();
          at(delay(), [this, client] { call(client); });
        });
      });
    });
  }

  const RandomHistory shape_;
  Random random_;
  Store store_;
  History history_;
  std::map<Moment, std::function<void()>> agenda_;
  std::int64_t now_ = 0;
  std::uint64_t read_context_ = 0;
  std::uint64_t document_ = 0;
  std::uint64_t seq_ = 0;
};

/// Tries every order of the operations; those of unknown outcome may stay out.
class BruteForce {
 public:
  explicit BruteForce(const History& history) : operations_(history.operations) {
    for (const Operation& op : operations_) {
      version_max_ = std::max({version_max_, op.version.value_or(0), op.if_version.value_or(0)});
    }
    version_max_ += operations_.size() + 1;
  }

  bool search() {
    if (is_done()) return true;
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      if (used_ >> i & 1 || !may_be_next(i)) continue;
      const State before = state_;
      used_ |= 1u << i;
      if (take(operations_[i])) return true;
      used_ &= ~(1u << i);
      state_ = before;
    }
    return false;
  }

 private:
  struct State {
    std::optional<std::string> document;
    std::uint64_t version = 0;
  };

  static bool must_happen(const Operation& op) { return op.outcome() == Outcome::kDecided; }

  bool is_done() const {
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      if (!(used_ >> i & 1) && must_happen(operations_[i])) return false;
    }
    return true;
  }

  bool may_be_next(std::size_t next) const {
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      if (i == next || used_ >> i & 1 || !must_happen(operations_[i])) continue;
      if (*operations_[i].returned < operations_[next].call) return false;
    }
    return operations_[next].outcome() != Outcome::kNothingDone;
  }

  /// Takes effect, says what it said, and the rest has an order too.
  bool take(const Operation& op) {
    const bool is_known = must_happen(op);
    if (!is_known && !is_write(op.command)) return false;
    const bool is_there = state_.document.has_value();
    const bool is_version_right = !op.if_version || (is_there && state_.version == *op.if_version);
    const bool is_absence_right = !op.if_absent || !is_there;
    if (!is_version_right || !is_absence_right) {
      const Code refusal = is_version_right ? Code::kAlreadyExists : Code::kFailedPrecondition;
      return is_known && op.status == refusal && search();
    }
    if (is_known && op.status != Code::kOk && op.status != Code::kNotFound) return false;
    if (op.command == Command::kPut) return put(op, is_known, is_there);
    if (is_known) {
      const bool finds = op.ok() && op.flag.value_or(true);
      if (finds != is_there) return false;
      if (finds && op.version && *op.version != state_.version) return false;
      if (op.found && *op.found != *state_.document) return false;
    }
    if (is_write(op.command)) state_.document.reset();
    return search();
  }

  bool put(const Operation& op, bool is_known, bool is_there) {
    if (is_known && (!op.ok() || op.flag == is_there)) return false;
    const State before = state_;
    for (std::uint64_t version = before.version + 1; version <= version_max_; ++version) {
      if (is_known && op.version && *op.version != version) continue;
      state_ = {op.document, version};
      if (search()) return true;
      state_ = before;
    }
    return false;
  }

  const std::vector<Operation>& operations_;
  std::uint64_t version_max_ = 0;
  State state_;
  std::uint32_t used_ = 0;
};

}  // namespace

History history_of(std::string_view lines, std::uint32_t partitions) {
  History history;
  history.partitions = partitions;
  std::istringstream in{std::string(lines)};
  for (std::string line; std::getline(in, line);) {
    line.erase(0, std::min(line.find_first_not_of(' '), line.size()));
    if (line.empty()) continue;
    Result<Operation> operation = read_operation(line);
    if (!operation) {
      ADD_FAILURE() << line << ": " << operation.error().message;
    } else {
      history.operations.push_back(*std::move(operation));
    }
  }
  return history;
}

History random_history(const RandomHistory& shape) { return Generator(shape).run(); }

History mutated(History history, std::mt19937_64& random) {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    Operation& op = history.operations[below(random, history.operations.size())];
    const Operation& other = history.operations[below(random, history.operations.size())];
    if (!op.returned || op.is_listing()) continue;
    switch (below(random, 6)) {
      case 0:
        if (!op.version) continue;
        op.version = below(random, 2) ? *op.version + 1 : std::max<std::uint64_t>(*op.version, 2) - 1;
        return history;
      case 1:
        if (!op.found || !other.found || other.found == op.found) continue;
        op.found = other.found;
        return history;
      case 2:
        if (!op.flag || op.command == Command::kHas) continue;
        op.flag = !*op.flag;
        return history;
      case 3:
        if (!op.found || !other.found || other.version == op.version) continue;
        op.found = other.found;
        op.version = other.version;
        return history;
      case 4:
        if (op.command != Command::kGet || !op.ok()) continue;
        op.status = Code::kNotFound;
        op.found.reset();
        op.version.reset();
        return history;
      default:
        if (!op.ok() || (!op.if_version && !op.if_absent)) continue;
        op.status = op.if_absent ? Code::kAlreadyExists : Code::kFailedPrecondition;
        op.flag.reset();
        op.version.reset();
        return history;
    }
  }
  return history;
}

bool has_order_by_brute_force(const History& history) { return BruteForce(history).search(); }

}  // namespace trellis::sim
