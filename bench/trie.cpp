// What the trie costs, next to std::map, absl::btree_map and absl::flat_hash_map (bench/trie.md has the results).
//
//   bench-trie [--large] [--document=BYTES] [Google Benchmark's options]
//
// A benchmark is named WHAT/STORE/KEYS/NUMBER, so that one question is a filter:  --benchmark_filter=hit/.*/random
// Each operation is measured over the same keys in the same random order for every store.  --large adds 10^7 keys (and
// needs 16 GiB); documents have 64 bytes unless told.  Bytes per key are what malloc hands out for the store, its own
// overhead included; the lists of keys to ask for are not in them.
#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "worker/trie/trie.hpp"

namespace trellis {
namespace {

using Random = std::mt19937_64;
using Strings = std::vector<std::string>;

std::string g_document(64, 'd');
std::string g_other_document(56, 'o');  ///< Another size, for records that are overwritten.

// --- Keys ---

std::string random_key(Random& random, std::size_t) {
  std::string key(16, '\0');
  for (char& byte : key) byte = static_cast<char>(random());
  return key;
}

std::string sequential_key(Random&, std::size_t i) {
  std::string key(8, '\0');
  for (int byte = 0; byte < 8; ++byte) key[byte] = static_cast<char>(i >> (56 - 8 * byte));
  return key;
}

std::string url_key(Random& random, std::size_t i) {
  static constexpr const char* kSections[] = {"articles",       "images", "users",
                                              "users/settings", "search", "api/v1/items"};
  const std::size_t site = std::min(random() % 5000, random() % 5000);  // Some sites are larger than others.
  return "https://www.site-" + std::to_string(site) + ".example.org/" + kSections[random() % 6] + "/" +
         std::to_string(random() % 100) + "/page-" + std::to_string(i) + ".html";
}

std::string generated_key(Random&, std::size_t i) { return "key" + std::to_string(i + 1); }

struct KeySet {
  const char* name;
  std::string (*make)(Random& random, std::size_t i);
};
constexpr KeySet kKeySets[] = {
    {"random", random_key}, {"sequential", sequential_key}, {"url", url_key}, {"generated", generated_key}};

/// The keys of one set and number: those stored, in random order and sorted, and as many that are not stored.
struct Keys {
  Strings stored, missing, sorted;
  std::string prefix;  ///< A thousand stored keys or more begin with it, as the set has them.
};

/// One key set at a time is kept, since large ones are gigabytes.
const Keys& keys_of(const KeySet& set, std::size_t count) {
  static Keys keys;
  static const KeySet* set_kept = nullptr;
  static std::size_t count_kept = 0;
  if (set_kept == &set && count_kept == count) return keys;
  keys = {};
  Random random(42);
  for (std::size_t i = 0; i < count; ++i) keys.stored.push_back(set.make(random, i));
  for (std::size_t i = count; i < 2 * count; ++i) keys.missing.push_back(set.make(random, i));
  std::shuffle(keys.stored.begin(), keys.stored.end(), random);
  std::shuffle(keys.missing.begin(), keys.missing.end(), random);
  keys.sorted = keys.stored;
  std::sort(keys.sorted.begin(), keys.sorted.end());
  const std::string& first = keys.sorted[count / 2];
  const std::string& last = keys.sorted[std::min(count / 2 + 1000, count - 1)];
  keys.prefix.assign(first.begin(), std::mismatch(first.begin(), first.end(), last.begin(), last.end()).first);
  set_kept = &set;
  count_kept = count;
  return keys;
}

/// The keys in another random order, in memory in that order too: reading them costs next to nothing.
Strings shuffled(Strings keys) {
  std::shuffle(keys.begin(), keys.end(), Random(7));
  return Strings(keys.begin(), keys.end());
}

// --- Stores: the same face for all ---

class TrieStore {
 public:
  static constexpr const char* kName = "trie";
  static constexpr bool kOrdered = true;

  void put(const std::string& key, const std::string& document) { trie_.insert_or_assign(key, 1, document); }
  bool erase(const std::string& key) { return trie_.erase(key); }
  std::size_t find(const std::string& key) const {
    const auto found = trie_.find(key);
    return found ? found->document.size() : 0;
  }
  std::size_t scan() const {
    std::size_t bytes = 0;
    TrieCursor cursor = trie_.cursor();
    for (cursor.seek_first(); cursor.valid(); cursor.next()) bytes += cursor.key().size() + cursor.document().size();
    return bytes;
  }
  std::size_t page(const std::string& key, int records) const {
    std::size_t bytes = 0;
    TrieCursor cursor = trie_.cursor();
    for (cursor.seek(key); cursor.valid() && records-- > 0; cursor.next()) bytes += cursor.document().size();
    return bytes;
  }
  std::size_t count(const std::string& prefix) const { return trie_.count(prefix); }
  FrozenTrie snapshot() { return trie_.freeze(); }

 private:
  Trie trie_;
};

template <typename Map>
class MapStore {
 public:
  void put(const std::string& key, const std::string& document) { map_.insert_or_assign(key, document); }
  bool erase(const std::string& key) { return map_.erase(key) == 1; }
  std::size_t find(const std::string& key) const {
    const auto found = map_.find(key);
    return found != map_.end() ? found->second.size() : 0;
  }
  std::size_t scan() const {
    std::size_t bytes = 0;
    for (const auto& [key, document] : map_) bytes += key.size() + document.size();
    return bytes;
  }
  std::size_t page(const std::string& key, int records) const {
    std::size_t bytes = 0;
    for (auto at = map_.lower_bound(key); at != map_.end() && records-- > 0; ++at) bytes += at->second.size();
    return bytes;
  }
  std::size_t count(const std::string& prefix) const {
    std::size_t keys = 0;
    for (auto at = map_.lower_bound(prefix); at != map_.end() && at->first.starts_with(prefix); ++at) ++keys;
    return keys;
  }
  Map snapshot() const { return map_; }

 private:
  Map map_;
};

struct StdMapStore : MapStore<std::map<std::string, std::string>> {
  static constexpr const char* kName = "std_map";
  static constexpr bool kOrdered = true;
};
struct BtreeStore : MapStore<absl::btree_map<std::string, std::string>> {
  static constexpr const char* kName = "btree";
  static constexpr bool kOrdered = true;
};
struct HashStore : MapStore<absl::flat_hash_map<std::string, std::string>> {
  static constexpr const char* kName = "flat_hash";
  static constexpr bool kOrdered = false;
};

template <typename Store>
std::unique_ptr<Store> filled(const Strings& keys) {
  auto store = std::make_unique<Store>();
  for (const std::string& key : keys) store->put(key, g_document);
  return store;
}

/// A store that benchmarks which only read share; the last one made is kept.
std::shared_ptr<void> g_shared;
std::string g_shared_name;

template <typename Store>
Store& shared_store(const KeySet& set, std::size_t count) {
  const std::string name = std::string(Store::kName) + set.name + std::to_string(count);
  if (g_shared_name != name) {
    g_shared.reset();
    g_shared = filled<Store>(keys_of(set, count).stored);
    g_shared_name = name;
  }
  return *static_cast<Store*>(g_shared.get());
}

std::size_t allocated() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// Measures the thread's own time, so that others on the machine are not in it (as Google Benchmark's
/// items_per_second).
class Stopwatch {
 public:
  double seconds() const { return now() - start_; }

 private:
  static double now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }
  double start_ = now();
};

// --- What is measured ---

template <typename Store>
void measure_insert(benchmark::State& state, const KeySet& set, std::size_t count) {
  const Strings& keys = keys_of(set, count).stored;
  double bytes_per_key = 0;
  for (auto _ : state) {
    const std::size_t before = allocated();
    const Stopwatch watch;
    const auto store = filled<Store>(keys);
    state.SetIterationTime(watch.seconds());
    bytes_per_key = static_cast<double>(allocated() - before) / static_cast<double>(count);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
  state.counters["bytes_per_key"] = bytes_per_key;
}

template <typename Store>
void measure_insert_in_order(benchmark::State& state, const KeySet& set, std::size_t count) {
  const Strings& keys = keys_of(set, count).sorted;
  for (auto _ : state) {
    const Stopwatch watch;
    const auto store = filled<Store>(keys);
    state.SetIterationTime(watch.seconds());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}

template <typename Store>
void measure_erase(benchmark::State& state, const KeySet& set, std::size_t count) {
  const Strings& keys = keys_of(set, count).stored;
  const Strings order = shuffled(keys);
  for (auto _ : state) {
    const auto store = filled<Store>(keys);
    const Stopwatch watch;
    for (const std::string& key : order) benchmark::DoNotOptimize(store->erase(key));
    state.SetIterationTime(watch.seconds());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}

/// Calls `action` with one key an iteration, in random order.
template <typename Action>
void for_each_key(benchmark::State& state, const Strings& stored, Action action) {
  const Strings keys = shuffled(stored);
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(action(keys[next]));
    if (++next == keys.size()) next = 0;
  }
  state.SetItemsProcessed(state.iterations());
}

template <typename Store>
void measure_hit(benchmark::State& state, const KeySet& set, std::size_t count) {
  const Store& store = shared_store<Store>(set, count);
  for_each_key(state, keys_of(set, count).stored, [&](const std::string& key) { return store.find(key); });
}

template <typename Store>
void measure_miss(benchmark::State& state, const KeySet& set, std::size_t count) {
  const Store& store = shared_store<Store>(set, count);
  for_each_key(state, keys_of(set, count).missing, [&](const std::string& key) { return store.find(key); });
}

template <typename Store>
void measure_overwrite(benchmark::State& state, const KeySet& set, std::size_t count) {
  Store& store = shared_store<Store>(set, count);
  const std::string* document = &g_document;
  for_each_key(state, keys_of(set, count).stored, [&](const std::string& key) {
    document = document == &g_document ? &g_other_document : &g_document;
    store.put(key, *document);
    return true;
  });
}

template <typename Store>
void measure_scan(benchmark::State& state, const KeySet& set, std::size_t count) {
  const Store& store = shared_store<Store>(set, count);
  for (auto _ : state) benchmark::DoNotOptimize(store.scan());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}

template <typename Store>
void measure_page(benchmark::State& state, const KeySet& set, std::size_t count) {
  const Store& store = shared_store<Store>(set, count);
  for_each_key(state, keys_of(set, count).stored, [&](const std::string& key) { return store.page(key, 100); });
}

template <typename Store>
void measure_count(benchmark::State& state, const KeySet& set, std::size_t count) {
  const Store& store = shared_store<Store>(set, count);
  const std::string& prefix = keys_of(set, count).prefix;
  for (auto _ : state) benchmark::DoNotOptimize(store.count(prefix));
  state.counters["keys_counted"] = static_cast<double>(store.count(prefix));
}

/// A snapshot made and dropped, with nothing written in between.
template <typename Store>
void measure_snapshot(benchmark::State& state, const KeySet& set, std::size_t count) {
  Store& store = shared_store<Store>(set, count);
  for (auto _ : state) {
    auto snapshot = store.snapshot();
    benchmark::DoNotOptimize(snapshot);
  }
}

/// A tenth of the keys overwritten while a snapshot taken just before is held: every node on a path is copied once.
void measure_overwrite_frozen(benchmark::State& state, const KeySet& set, std::size_t count) {
  auto& store = shared_store<TrieStore>(set, count);
  Strings keys = shuffled(keys_of(set, count).stored);
  keys.resize(count / 10);
  double seconds_to_drop = 0;
  for (auto _ : state) {
    auto snapshot = store.snapshot();
    const Stopwatch writes;
    for (const std::string& key : keys) store.put(key, g_document);
    state.SetIterationTime(writes.seconds());
    const Stopwatch drop;
    snapshot = {};
    seconds_to_drop += drop.seconds();
  }
  const auto items = state.iterations() * static_cast<std::int64_t>(keys.size());
  state.SetItemsProcessed(items);
  state.counters["drop_ns_per_write"] = seconds_to_drop * 1e9 / static_cast<double>(items);
}

// --- Which are run ---

using Measure = void (*)(benchmark::State&, const KeySet&, std::size_t);

benchmark::internal::Benchmark* add(const char* what, const char* store, const KeySet& set, std::size_t count,
                                    Measure measure) {
  const std::string name = std::string(what) + "/" + store + "/" + set.name + "/" + std::to_string(count);
  return benchmark::RegisterBenchmark(name.c_str(), [=, &set](benchmark::State& state) { measure(state, set, count); });
}

template <typename Store>
void add_store(const KeySet& set, std::size_t count) {
  add("hit", Store::kName, set, count, measure_hit<Store>);
  add("miss", Store::kName, set, count, measure_miss<Store>);
  add("overwrite", Store::kName, set, count, measure_overwrite<Store>);
  add("scan", Store::kName, set, count, measure_scan<Store>)->Unit(benchmark::kMillisecond);
  if constexpr (Store::kOrdered) {
    add("page", Store::kName, set, count, measure_page<Store>);
    add("count", Store::kName, set, count, measure_count<Store>);
  }
  add("snapshot", Store::kName, set, count, measure_snapshot<Store>);
  add("insert", Store::kName, set, count, measure_insert<Store>)->UseManualTime()->Unit(benchmark::kMillisecond);
  add("insert_in_order", Store::kName, set, count, measure_insert_in_order<Store>)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
  add("erase", Store::kName, set, count, measure_erase<Store>)->UseManualTime()->Unit(benchmark::kMillisecond);
}

void add_all(bool large) {
  for (const std::size_t count : {10'000, 100'000, 1'000'000, 10'000'000}) {
    if (count > 1'000'000 && !large) continue;
    for (const KeySet& set : kKeySets) {
      add_store<TrieStore>(set, count);
      add("overwrite_frozen", TrieStore::kName, set, count, measure_overwrite_frozen)
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
      add_store<BtreeStore>(set, count);
      add_store<StdMapStore>(set, count);
      add_store<HashStore>(set, count);
    }
  }
}

}  // namespace
}  // namespace trellis

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  bool large = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--large") {
      large = true;
    } else if (option.starts_with("--document=")) {
      trellis::g_document.assign(std::strtoul(argv[i] + 11, nullptr, 10), 'd');
      trellis::g_other_document.assign(trellis::g_document.size() * 7 / 8, 'o');
    } else {
      std::fprintf(stderr, "usage: %s [--large] [--document=BYTES] [options of Google Benchmark]\n", argv[0]);
      return 2;
    }
  }
  trellis::add_all(large);
  benchmark::RunSpecifiedBenchmarks();
  trellis::g_shared.reset();
}
