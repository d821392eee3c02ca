// The log store on disk: what was durable is there after a restart, and a disk that fails is told, once and for all.
#include "worker/raft/rocksdb_log_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

namespace trellis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RocksDbLogStoreTest : public ::testing::Test {
 protected:
  RocksDbLogStoreTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "trellis-log-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    open();
  }
  ~RocksDbLogStoreTest() override {
    store.reset();
    std::filesystem::remove_all(folder);
  }
  void open() {
    store.reset();
    auto opened = RocksDbLogStore::open(folder);
    ASSERT_TRUE(opened) << opened.error().message;
    store = std::move(*opened);
  }
  void write() {
    store->start_write();
    const auto done = store->wait();
    ASSERT_TRUE(done) << done.error().message;
  }
  std::vector<std::string> keys(std::string_view from, std::string_view to) {
    std::vector<std::string> keys;
    EXPECT_TRUE(store->scan(from, to, [&](std::string_view key, std::string_view) -> Result<void> {
      keys.emplace_back(key);
      return {};
    }));
    return keys;
  }

  std::string folder;
  std::unique_ptr<RocksDbLogStore> store;
};

TEST_F(RocksDbLogStoreTest, WhatWasWrittenIsThereAfterARestart) {
  store->put("a", "head|", "payload");
  store->put("b", std::string(1, '\0'), {});
  EXPECT_TRUE(store->has_collected());
  write();
  EXPECT_FALSE(store->has_collected());
  open();
  EXPECT_EQ(**store->get("a"), "head|payload");
  EXPECT_EQ(**store->get("b"), std::string(1, '\0'));
  EXPECT_FALSE(*store->get("c")) << "never written";
}

TEST_F(RocksDbLogStoreTest, WhatWasOnlyCollectedIsGone) {
  store->put("a", "1", {});
  open();
  EXPECT_FALSE(*store->get("a"));
}

TEST_F(RocksDbLogStoreTest, TellsWhenABatchIsDurable) {
  EXPECT_FALSE(*store->finish_write()) << "nothing is under way";
  store->put("a", std::string(1 << 20, 'x'), {});  // Too large to be waited for.
  store->start_write();
  EXPECT_TRUE(store->is_writing());
  store->put("b", "2", {});  // It goes into the next batch.
  pollfd fd{store->completion_fd(), POLLIN, 0};
  ASSERT_EQ(poll(&fd, 1, 10'000), 1);
  EXPECT_TRUE(*store->finish_write());
  EXPECT_FALSE(store->is_writing());
  EXPECT_TRUE(store->has_collected());
  EXPECT_EQ(poll(&fd, 1, 0), 0) << "told once";
  EXPECT_FALSE(*store->get("b"));
  write();
  EXPECT_EQ(**store->get("b"), "2");
}

TEST_F(RocksDbLogStoreTest, ASmallBatchIsDurableAtOnceWhereSyncsAreQuick) {
  store->put("a", "1", {});
  store->start_write();
  EXPECT_TRUE(store->is_writing());
  pollfd fd{store->completion_fd(), POLLIN, 0};
  EXPECT_EQ(poll(&fd, 1, 0), 0) << "nobody has to be told";
  EXPECT_TRUE(*store->finish_write());
  EXPECT_FALSE(store->is_writing());
  EXPECT_GT(store->write_took(), Duration::zero());
  open();
  EXPECT_EQ(**store->get("a"), "1");
}

TEST_F(RocksDbLogStoreTest, ScansInOrderFromTheFirstUpToTheEnd) {
  for (const char* key : {"d", "b", "a", "c"}) store->put(key, key, {});
  write();
  EXPECT_THAT(keys("b", "d"), ElementsAre("b", "c"));
  open();
  EXPECT_THAT(keys("b", "d"), ElementsAre("b", "c"));
}

TEST_F(RocksDbLogStoreTest, AScanEndsWithTheErrorOfItsVisitor) {
  for (const char* key : {"a", "b"}) store->put(key, key, {});
  write();
  int visited = 0;
  const auto done = store->scan("a", "z", [&](std::string_view, std::string_view) -> Result<void> {
    ++visited;
    return Error{Code::kInternal, "enough"};
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "enough");
  EXPECT_EQ(visited, 1);
}

TEST_F(RocksDbLogStoreTest, ARangeIsRemovedInItsPlaceAmongThePuts) {
  for (const char* key : {"a", "b", "c", "d"}) store->put(key, "old", {});
  write();
  store->put("b", "lost", {});
  store->remove_range("b", "d");
  store->put("c", "new", {});
  write();
  for (int round = 0; round < 2; ++round, open()) {
    EXPECT_THAT(keys("a", "z"), ElementsAre("a", "c", "d"));
    EXPECT_EQ(**store->get("c"), "new");
  }
}

/// The store closed, after two batches that are durable, and its log with the place of the last record in it.
class RocksDbLogEndTest : public RocksDbLogStoreTest {
 protected:
  void write_two(std::size_t size) {
    store->put("a", "1", {});
    write();
    store->put("b", std::string(size, 'x'), {});
    write();
    store.reset();
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".log" && entry.file_size() > 0) path = entry.path();
    }
    std::ifstream file(path, std::ios::binary);
    log.assign(std::istreambuf_iterator<char>(file), {});
    for (std::size_t at = 0; at < log.size();) {
      if (32'768 - at % 32'768 < 7) at += 32'768 - at % 32'768;
      last = at;
      at += 7 + static_cast<std::uint8_t>(log[at + 4]) + 256u * static_cast<std::uint8_t>(log[at + 5]);
    }
  }
  bool opens_with(const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
    const auto copy = folder + ".copy";
    std::filesystem::copy(folder, copy);
    auto opened = RocksDbLogStore::open(copy);
    if (opened && content.size() == log.size()) {
      EXPECT_TRUE(*(*opened)->get("b")) << "it was durable";
    }
    if (opened) opened->reset();
    std::filesystem::remove_all(copy);
    return static_cast<bool>(opened);
  }

  std::filesystem::path path;
  std::string log;
  std::size_t last = 0;
};

TEST_F(RocksDbLogEndTest, ABitOfTheLastRecordsLengthIsDamageAndNoTornEnd) {
  write_two(100);
  ASSERT_TRUE(opens_with(log));
  for (int bit = 0; bit < 16; ++bit) {
    std::string damaged = log;
    damaged[last + 4 + bit / 8] = static_cast<char>(damaged[last + 4 + bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(opens_with(damaged)) << "bit " << bit;
  }
}

TEST_F(RocksDbLogEndTest, TheSameOfARecordInPieces) {
  write_two(100'000);
  for (int bit = 0; bit < 16; ++bit) {
    std::string damaged = log;
    damaged[last + 4 + bit / 8] = static_cast<char>(damaged[last + 4 + bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(opens_with(damaged)) << "bit " << bit;
  }
}

TEST_F(RocksDbLogEndTest, ATornEndIsNoDamage) {
  write_two(100);
  for (std::size_t size = last; size < log.size(); ++size) EXPECT_TRUE(opens_with(log.substr(0, size))) << size;
}

TEST_F(RocksDbLogStoreTest, ASecondOpenerIsToldWhy) {
  const auto second = RocksDbLogStore::open(folder);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("another worker uses this folder"));
  EXPECT_THAT(second.error().message, HasSubstr(folder));
}

TEST_F(RocksDbLogStoreTest, AFileInTheWayIsToldAndNotTouched) {
  store.reset();
  std::filesystem::remove_all(folder);
  FILE* file = std::fopen(folder.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fclose(file);
  const auto opened = RocksDbLogStore::open(folder);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr(folder));
}

TEST_F(RocksDbLogStoreTest, EndsWithAWriteUnderWay) {
  store->put("a", "1", {});
  store->start_write();
  open();
  EXPECT_EQ(**store->get("a"), "1");
}

/// Writes until the limit on the size of a file stops it; 0 where the store failed for good and said so.
int write_beyond_the_limit(const std::string& folder) {
  auto store = RocksDbLogStore::open(folder);
  if (!store) return 1;
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{64 << 10, 64 << 10};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
  (*store)->put("key", std::string(1 << 20, 'x'), {});
  (*store)->start_write();
  if ((*store)->wait()) return 3;
  // It has failed for good: no later batch is taken for durable.
  const auto again = (*store)->finish_write();
  return again || !(*store)->is_writing() || again.error().message.find("log store") == std::string::npos ? 4 : 0;
}

TEST_F(RocksDbLogStoreTest, AFailedWriteStopsItForGood) {
  store.reset();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(write_beyond_the_limit(folder));
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  open();
  EXPECT_FALSE(*store->get("key"));
}

std::uint64_t folder_size(const std::string& folder) {
  std::uint64_t size = 0;
  std::error_code gone;  // A file may go while it is looked at.
  for (const auto& file : std::filesystem::directory_iterator(folder)) size += file.file_size(gone);
  return size;
}

TEST_F(RocksDbLogStoreTest, WhatWasRemovedIsGivenBackToTheDisk) {
  store.reset();
  LogCompaction::Settings often;
  often.look_every = std::chrono::milliseconds(20);
  often.at_the_latest_after = std::chrono::milliseconds(100);
  often.tables_min = 0;
  store = std::move(*RocksDbLogStore::open(folder, often));
  const std::string megabyte(1 << 20, 'x');
  for (char i = 'a'; i <= 'z'; ++i) {
    for (char j = 'a'; j < 'e'; ++j) store->put(std::string("L") + i + j, "", megabyte);
    write();
  }
  store->remove_range("La", "Lz");
  write();
  // The last 4 MiB are left, and the log of the 64 MiB or less that RocksDB has not put into a table yet.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (folder_size(folder) > (16 << 20) && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_LE(folder_size(folder), 16u << 20);
  EXPECT_EQ(*store->get("Lza"), megabyte);
  EXPECT_EQ(*store->get("Lya"), std::nullopt);
}

}  // namespace
}  // namespace trellis
