#include "worker/state/prepare.hpp"

#include <gtest/gtest.h>

#include "protocol/packed.hpp"
#include "tests/unit/worker/requests.hpp"

namespace trellis {
namespace {

const std::string kAda = packed_text("Ada");

/// The packed argument array [values...], each a str.
std::string arguments_of(std::initializer_list<std::string_view> values) {
  std::string out;
  PackedWriter writer(out);
  writer.array(values.size());
  for (const std::string_view value : values) writer.str(value);
  return out;
}

std::string put_arguments(std::string_view key) {
  std::string out;
  PackedWriter(out).array(2).str(key).packed(kAda);
  return out;
}

std::string query_arguments(std::string_view key) {
  std::string out;
  PackedWriter(out).array(1).array(2).str(key).str("name");
  return out;
}

WorkerRequest request_of(Command command, std::string_view arguments, const Options& options = {}) {
  WorkerRequest request;
  request.session = "session";
  request.seq = 42;
  request.id = 7;
  request.command = command;
  request.body = Frame(command_body(arguments, options));
  return request;
}

struct Item {
  Command command;
  std::string arguments;
  Options options = {};
};

/// The items get the positions 10, 11, ...
WorkerRequest batch_of(const std::vector<Item>& items) {
  WorkerRequest request;
  request.kind = RequestKind::kBatch;
  request.session = "session";
  request.seq = 42;
  std::string body;
  PackedWriter writer(body);
  writer.array(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    writer.array(4).natural(10 + i).str(name_of(items[i].command)).packed(items[i].arguments);
    pack_options(body, items[i].options);
  }
  request.body = Frame(std::move(body));
  return request;
}

TEST(Prepare, APatchBecomesAnEntryWithItsOperationsAndOptions) {
  std::string arguments;
  PackedWriter(arguments).array(2).str("k").array(1).array(3).str("add").array(1).str("a").natural(1);
  Options options;
  options.if_present = options.pointer = options.return_document = true;
  const WorkerRequest request = request_of(Command::kPatch, arguments, options);
  const auto prepared = prepare(request);
  const Entry* entry = prepared->items()[0].entry();
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->kind, EntryKind::kPatch);
  EXPECT_EQ(entry->content, arguments.substr(3));
  EXPECT_TRUE(entry->if_present && entry->pointer && entry->return_document && !entry->strict);
  const WorkerRequest own = request_of(Command::kPatch, arguments);
  EXPECT_EQ(prepare(own)->items()[0].answer()->status, Code::kInvalidArgument) << "add is RFC 6902's alone";
}

TEST(Prepare, APutBecomesAnEntryWithTheIdentityOfItsRequest) {
  Options options;
  options.if_version = 5;
  WorkerRequest request = request_of(Command::kPut, put_arguments("k"), options);
  request.broker_session = true;
  request.floor = 40;
  const auto prepared = prepare(request);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->id, 7u);
  ASSERT_EQ(prepared->items().size(), 1u);
  const Entry* entry = prepared->items()[0].entry();
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->kind, EntryKind::kPut);
  EXPECT_EQ(entry->key, "k");
  EXPECT_EQ(entry->content, kAda);
  EXPECT_EQ(entry->if_version, 5u);
  EXPECT_EQ(entry->session, "session");
  EXPECT_TRUE(entry->broker_session);
  EXPECT_EQ(entry->seq, 42u);
  EXPECT_EQ(entry->floor, 40u);
  EXPECT_EQ(entry->item, 0u);
  EXPECT_EQ(entry->fingerprint, fingerprint_of(*entry, false));
}

TEST(Prepare, TheFloorOfAClientsSessionGoesWithItsEntry) {
  WorkerRequest request = request_of(Command::kPut, put_arguments("k"));
  request.has_floor = true;
  request.floor = 40;
  const auto prepared = prepare(request);
  ASSERT_TRUE(prepared);
  const Entry* entry = prepared->items()[0].entry();
  ASSERT_NE(entry, nullptr);
  EXPECT_TRUE(entry->has_floor);
  EXPECT_FALSE(entry->broker_session);
  EXPECT_EQ(entry->floor, 40u);
}

TEST(Prepare, SetIsPut) {
  const WorkerRequest put = request_of(Command::kPut, put_arguments("k"));
  const WorkerRequest set = request_of(Command::kSet, put_arguments("k"));
  EXPECT_EQ(*prepare(set)->items()[0].entry(), *prepare(put)->items()[0].entry());
}

TEST(Prepare, ReadsAreReadyToExecute) {
  const WorkerRequest get = request_of(Command::kGet, arguments_of({"k"}));
  const auto prepared_get = prepare(get);
  ASSERT_NE(prepared_get->items()[0].read(), nullptr);
  EXPECT_EQ(prepared_get->items()[0].read()->key, "k");
  const WorkerRequest query = request_of(Command::kQuery, query_arguments("k"));
  const auto prepared_query = prepare(query);
  EXPECT_EQ(prepared_query->items()[0].read()->path, Path{std::string_view("name")});
  WorkerRequest scan = request_of(Command::kScan, arguments_of({"prefix"}));
  scan.page_bytes = 1000;
  const auto prepared_scan = prepare(scan);
  EXPECT_EQ(prepared_scan->items()[0].read()->page.prefix, "prefix");
  EXPECT_EQ(prepared_scan->items()[0].read()->page_size_max, 1000u);
  const WorkerRequest count = request_of(Command::kCount, arguments_of({"prefix"}));
  EXPECT_EQ(prepare(count)->items()[0].read()->page.prefix, "prefix");
}

TEST(Prepare, BadArgumentsAreAnsweredAtOnce) {
  std::vector<WorkerRequest> requests;
  requests.push_back(request_of(Command::kPut, arguments_of({"k"})));
  requests.push_back(request_of(Command::kPut, arguments_of({"", "document"})));
  requests.push_back(request_of(Command::kGet, arguments_of({std::string(kKeySizeMax + 1, 'k')})));
  requests.push_back(request_of(Command::kQuery, arguments_of({"k"})));
  requests.push_back(request_of(Command::kKeys, arguments_of({"prefix", "limit"})));
  requests.push_back(request_of(Command::kGet, "\x90"));
  requests.push_back(request_of(Command::kGet, "\xc0"));
  for (const WorkerRequest& request : requests) {
    const auto prepared = prepare(request);
    ASSERT_TRUE(prepared);
    const CommandResult* answer = prepared->items()[0].answer();
    ASSERT_NE(answer, nullptr);
    EXPECT_EQ(answer->status, Code::kInvalidArgument);
    EXPECT_FALSE(answer->message.empty());
    EXPECT_EQ(prepared->id, 7u);
  }
}

TEST(Prepare, CommandsOfTheBrokersAreNotForWorkers) {
  for (const Command command : {Command::kPing, Command::kCompute, Command::kBatch, Command::kMembers}) {
    const WorkerRequest request = request_of(command, "\x90");
    EXPECT_EQ(prepare(request)->items()[0].answer()->status, Code::kInternal);
  }
}

TEST(Prepare, AWriteWithoutASessionIsNotProposed) {
  WorkerRequest request = request_of(Command::kPut, put_arguments("k"));
  request.session.clear();
  EXPECT_EQ(prepare(request)->items()[0].answer()->status, Code::kInternal);
}

TEST(Prepare, BatchItemsKeepTheirPositions) {
  const WorkerRequest request =
      batch_of({{Command::kPut, put_arguments("a")}, {Command::kGet, arguments_of({"b"})}, {Command::kPop, "\x90"}});
  const auto prepared = prepare(request);
  ASSERT_TRUE(prepared);
  ASSERT_EQ(prepared->items().size(), 3u);
  EXPECT_EQ(prepared->items()[0].index, 10u);
  EXPECT_EQ(prepared->items()[0].entry()->item, 10u);
  EXPECT_EQ(prepared->items()[1].index, 11u);
  EXPECT_EQ(prepared->items()[1].read()->key, "b");
  EXPECT_EQ(prepared->items()[2].index, 12u);
  EXPECT_EQ(prepared->items()[2].answer()->status, Code::kInvalidArgument);
}

TEST(Prepare, ABatchLogsItsReadsOfKeysThatItWrites) {
  const WorkerRequest request = batch_of({{Command::kGet, arguments_of({"a"})},
                                          {Command::kQuery, query_arguments("a")},
                                          {Command::kHas, arguments_of({"a"})},
                                          {Command::kGet, arguments_of({"b"})},
                                          {Command::kDelete, arguments_of({"a"})}});
  const auto prepared = prepare(request);
  const auto items = prepared->items();
  ASSERT_EQ(items.size(), 5u);
  EXPECT_EQ(items[0].entry()->kind, EntryKind::kGet);
  EXPECT_EQ(items[1].entry()->kind, EntryKind::kQuery);
  EXPECT_EQ(items[1].entry()->content, query_arguments("a"));
  EXPECT_EQ(items[1].entry()->key, "a");
  EXPECT_EQ(items[2].entry()->kind, EntryKind::kHas);
  EXPECT_EQ(items[2].entry()->item, 12u);
  EXPECT_NE(items[3].read(), nullptr) << "nothing writes b";
  EXPECT_EQ(items[4].entry()->kind, EntryKind::kDelete);
}

TEST(Prepare, ABadWriteMakesNoReadALoggedOne) {
  const WorkerRequest request = batch_of({{Command::kPut, arguments_of({"a"})}, {Command::kGet, arguments_of({"a"})}});
  EXPECT_NE(prepare(request)->items()[1].read(), nullptr);
}

TEST(Prepare, OptionsOfItemsAreChecked) {
  Options stale;
  stale.stale = true;
  Options absent;
  absent.if_absent = true;
  const WorkerRequest request =
      batch_of({{Command::kPut, put_arguments("a"), stale}, {Command::kPut, put_arguments("a"), absent}});
  const auto prepared = prepare(request);
  EXPECT_EQ(prepared->items()[0].answer()->status, Code::kInvalidArgument);
  EXPECT_TRUE(prepared->items()[1].entry()->if_absent);
}

TEST(Prepare, ASingleCommandAndItem0OfABatchDiffer) {
  const WorkerRequest single = request_of(Command::kPut, put_arguments("k"));
  WorkerRequest batch = single;
  batch.kind = RequestKind::kBatch;
  std::string body;
  PackedWriter(body).array(1).array(3).natural(0).str("PUT").packed(put_arguments("k"));
  batch.body = Frame(body);
  const auto prepared = prepare(batch);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->items()[0].entry()->item, 0u);
  EXPECT_NE(prepared->items()[0].entry()->fingerprint, prepare(single)->items()[0].entry()->fingerprint);
}

TEST(Prepare, ABatchThatIsNoneIsAnError) {
  for (const std::string_view body : {"", "\xc0", "\x91", "\x91\x90", "\x91\x92\xa3PUT\x90", "\x90\x90"}) {
    WorkerRequest request = batch_of({});
    request.body = Frame(std::string(body));
    EXPECT_FALSE(prepare(request));
  }
}

}  // namespace
}  // namespace trellis
