// bench-rocks-sync: what RocksDB's synced batches allow, as a limit to measure Trellis' writes against.
//
// Each store has a thread and a database of its own, as each worker has; a thread writes batches of puts, each synced
// before the next.  With as many stores as workers, and batches as large as the requests under way, this is the most
// that replicas on one disk can do, were everything else free.
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

#include "cli/bench/histogram.hpp"
#include "cli/bench/workload.hpp"
#include "program/settings.hpp"

namespace trellis {
namespace {

using Clock = std::chrono::steady_clock;

struct Settings {
  std::string folder = "./bench-rocks-sync";
  int stores = 1;
  std::size_t batch = 64;
  std::size_t value_size = 64;
  double duration = 5;
};

struct Measured {
  Histogram micros;  ///< How long batches took.
  std::string failure;
};

/// Appends as a log does: keys ascend, as the entries of a Raft log do.
void write_batches(const Settings& settings, const std::string& folder, Measured& measured) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(options, folder, &opened);
  const std::unique_ptr<rocksdb::DB> store(opened);
  const std::string document = bench_document(settings.value_size, 0);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const auto end = Clock::now() + std::chrono::duration<double>(settings.duration);
  std::uint64_t index = 0;
  for (auto begun = Clock::now(); status.ok() && begun < end;) {
    rocksdb::WriteBatch batch;
    for (std::size_t i = 0; i < settings.batch && status.ok(); ++i) status = batch.Put(bench_key(index++), document);
    if (status.ok()) status = store->Write(synced, &batch);
    const auto now = Clock::now();
    const auto taken = std::chrono::duration_cast<std::chrono::microseconds>(now - begun).count();
    measured.micros.add(static_cast<std::uint64_t>(taken));
    begun = now;
  }
  if (!status.ok()) measured.failure = status.ToString();
}

int measure(const Settings& settings) {
  std::filesystem::create_directories(settings.folder);
  std::vector<Measured> measured(static_cast<std::size_t>(settings.stores));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    threads.emplace_back(
        [&, i] { write_batches(settings, settings.folder + "/store-" + std::to_string(i), measured[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  Histogram all;
  for (const Measured& each : measured) {
    if (!each.failure.empty()) return report_failure("bench-rocks-sync", each.failure);
    all.merge(each.micros);
  }
  const double syncs = static_cast<double>(all.count()) / settings.duration / settings.stores;
  std::printf(
      "{\"stores\": %d, \"batch\": %zu, \"throughput\": %.1f, \"syncs\": %.1f, \"latency_us\": {\"p50\": %llu, "
      "\"p99\": %llu, \"max\": %llu}}\n",
      settings.stores, settings.batch, syncs * static_cast<double>(settings.batch), syncs,
      static_cast<unsigned long long>(all.quantile(0.5)), static_cast<unsigned long long>(all.quantile(0.99)),
      static_cast<unsigned long long>(all.max()));
  return 0;
}

int run(int argc, char** argv) {
  Settings settings;
  CLI::App app("RocksDB's synced batches: puts a second of each store, as one line of JSON", "bench-rocks-sync");
  app.add_option("--data", settings.folder, "Folder for the databases, which stay there")->capture_default_str();
  app.add_option("--stores", settings.stores, "Databases, a thread each")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--batch", settings.batch, "Puts in a batch")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  app.add_option("--value-size", settings.value_size, "Bytes of a value")
      ->check(CLI::Range(kBenchDocumentMin, kDocumentSizeMax))
      ->capture_default_str();
  app.add_option("--duration", settings.duration, "Seconds")->check(CLI::Range(0.01, 1e6))->capture_default_str();
  if (const auto code = parse_settings(app, argc, argv)) return *code;
  return measure(settings);
}

}  // namespace
}  // namespace trellis

int main(int argc, char** argv) { return trellis::run(argc, argv); }
