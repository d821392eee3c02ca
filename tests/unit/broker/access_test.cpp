// A frontend with keys: each user may do what its role says, and nobody sees what it may not.
#include "broker/access.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "protocol/access/access_changes.hpp"
#include "protocol/access/access_messages.hpp"
#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kAdmin = 1;
constexpr std::uint64_t kAda = 2;      ///< Reads reports:, reads and writes own:.
constexpr std::uint64_t kGateway = 3;  ///< Speaks for others.

const std::string kHash(kTokenHashSize, 't');

AccessRecords some_records() {
  AccessRecords records = first_access_records(std::string(kPublicKeySize, '1'));
  records.next_user = 4;
  records.roles.push_back({"analysts", {{"own:", true, true}, {"reports:", true, false}}, ClusterRight::kNone, false});
  records.users.insert(records.users.begin(),
                       {"ada", kAda, std::string(kPublicKeySize, '2'), "analysts", {{kHash, 100}}});
  records.users.push_back({"door", kGateway, std::string(kPublicKeySize, '3'), "gateway", {}});
  std::sort(records.users.begin(), records.users.end(), [](const User& a, const User& b) { return a.name < b.name; });
  return records;
}

class AccessTest : public ::testing::Test {
 protected:
  AccessTest() { harness_.make_cluster(); }

  void offer(const AccessRecords& records, std::size_t worker = 0) {
    BundleWriter bundle;
    add_access_offer(bundle, records);
    harness_.from_worker(harness_.worker(worker), bundle);
  }

  std::uint64_t ask(std::uint64_t user, Command command, const std::string& arguments, Options options = {}) {
    Frames frames;
    frames.emplace_back(std::string("client"));
    frames.emplace_back(pack_request(++id_, command, arguments, options));
    harness_.broker->on_client_message(frames, harness_.now, Asker{user});
    harness_.turn();
    return id_;
  }

  Received told(std::uint64_t user, Command command, const std::string& arguments, Options options = {}) {
    ask(user, command, arguments, options);
    return harness_.reply();
  }

  /// Whether a worker was asked for it.
  bool passes(std::uint64_t user, Command command, const std::string& arguments, Options options = {}) {
    ask(user, command, arguments, options);
    const bool was_asked = harness_.requests_waiting() > 0;
    for (std::size_t i = 0; i < harness_.options.workers; ++i) harness_.worker(i).requests.clear();
    harness_.replies().clear();
    return was_asked;
  }

  static std::string key(const std::string& name) { return packed_array({packed_str(name)}); }
  static std::string put(const std::string& name) { return packed_array({packed_str(name), packed_uint(1)}); }

  Harness harness_;
  std::uint64_t id_ = 1000;
};

TEST_F(AccessTest, AsksTheWorkerThatHoldsNewerRecordsAndTakesThem) {
  EXPECT_EQ(harness_.broker->admit(std::string(kPublicKeySize, '2')).verdict, Admission::Verdict::kNotYet);
  offer(some_records());
  EXPECT_EQ(harness_.broker->admit(std::string(kPublicKeySize, '2')).verdict, Admission::Verdict::kLetIn);
  EXPECT_EQ(harness_.broker->admit(std::string(kPublicKeySize, '2')).user, kAda);
  EXPECT_EQ(harness_.broker->admit(std::string(kPublicKeySize, '9')).verdict, Admission::Verdict::kRefused);
  AccessRecords without = some_records();
  std::erase_if(without.users, [](const User& user) { return user.number == kAda; });
  offer(without);
  EXPECT_EQ(harness_.broker->admit(std::string(kPublicKeySize, '2')).verdict, Admission::Verdict::kLetIn)
      << "of the same version: not newer";
  ++without.version;
  offer(without, 1);
  EXPECT_EQ(harness_.broker->admit(std::string(kPublicKeySize, '2')).verdict, Admission::Verdict::kRefused);
  offer(some_records());
  EXPECT_EQ(harness_.broker->admit(std::string(kPublicKeySize, '2')).verdict, Admission::Verdict::kRefused)
      << "older ones are not taken back";
}

TEST_F(AccessTest, EachMayDoWhatItsRoleSays) {
  offer(some_records());
  EXPECT_TRUE(passes(kAda, Command::kGet, key("reports:1")));
  EXPECT_TRUE(passes(kAda, Command::kPut, put("own:1")));
  EXPECT_FALSE(passes(kAda, Command::kPut, put("reports:1")));
  EXPECT_FALSE(passes(kAda, Command::kGet, key("secret")));
  EXPECT_TRUE(passes(kAdmin, Command::kGet, key("secret")));
  EXPECT_TRUE(passes(Asker::kMember, Command::kPut, put("secret"))) << "who holds the cluster's key is a member";
  EXPECT_FALSE(passes(kGateway, Command::kGet, key("own:1"))) << "it has no rights of its own";
  const Received refused = told(kAda, Command::kGet, key("secret"));
  EXPECT_EQ(refused.status, Code::kPermissionDenied);
  EXPECT_THAT(refused.info.message, HasSubstr("user ada may not GET: role analysts has no right to read \"secret\""));
}

TEST_F(AccessTest, TheClusterIsLookedAtAndChangedByThoseWhoMay) {
  offer(some_records());
  for (const Command command : {Command::kStatus, Command::kMembers, Command::kUserList, Command::kSettings}) {
    EXPECT_EQ(told(kAda, command, packed_array({})).status, Code::kPermissionDenied) << name_of(command);
  }
  EXPECT_EQ(told(kAda, Command::kPing, packed_array({})).status, Code::kOk);
  EXPECT_EQ(told(kGateway, Command::kStatus, packed_array({})).status, Code::kOk);
  EXPECT_TRUE(passes(kAdmin, Command::kUserList, packed_array({})));
}

TEST_F(AccessTest, WhoIsRemovedIsNobody) {
  offer(some_records());
  EXPECT_EQ(told(77, Command::kPing, packed_array({})).status, Code::kUnauthenticated);
}

TEST_F(AccessTest, AnItemOfABatchIsRefusedAndTheOthersAreDone) {
  offer(some_records());
  const std::string items = packed_array(
      {packed_array({packed_array({packed_str("GET"), key("secret")}), packed_array({packed_str("GET"), key("own:1")}),
                     packed_array({packed_str("PUT"), put("reports:1")})})});
  ask(kAda, Command::kBatch, items);
  ASSERT_EQ(harness_.requests_waiting(), 1u);
  FakeWorker& leader = harness_.leader_of("own:1");
  const WorkerRequest request = leader.take();
  const auto asked = read_indexed_batch(request.body.bytes());
  ASSERT_TRUE(asked);
  ASSERT_EQ(asked->size(), 1u) << "what is refused goes to no worker";
  EXPECT_EQ(asked->front().index, 1u);
  leader.answer(request, Outcome::kDone,
                Frame(packed_array({packed_array({packed_uint(1), packed_str("OK"), packed_uint(5), "\x80"})})));
  harness_.turn();
  const Received reply = harness_.reply();
  EXPECT_EQ(reply.status, Code::kOk);
  EXPECT_THAT(reply.result, HasSubstr("PERMISSION_DENIED"));
  EXPECT_THAT(reply.result, HasSubstr("user ada may not PUT"));
}

TEST_F(AccessTest, WhoSpeaksForOthersHasTheirRights) {
  offer(some_records());
  Options as_ada;
  as_ada.as = "ada";
  EXPECT_TRUE(passes(kGateway, Command::kGet, key("own:1"), as_ada));
  EXPECT_FALSE(passes(kGateway, Command::kGet, key("secret"), as_ada));
  EXPECT_EQ(told(kAdmin, Command::kGet, key("own:1"), as_ada).status, Code::kPermissionDenied)
      << "an administrator has not got the right";
  Options as_nobody;
  as_nobody.as = "nobody";
  EXPECT_EQ(told(kGateway, Command::kPing, packed_array({}), as_nobody).status, Code::kUnauthenticated);
  Options as_token;
  as_token.as = kHash;
  as_token.as_token = true;
  EXPECT_TRUE(passes(kGateway, Command::kGet, key("own:1"), as_token));
  const std::string other_hash(kTokenHashSize, 'x');
  as_token.as = other_hash;
  EXPECT_EQ(told(kGateway, Command::kPing, packed_array({}), as_token).status, Code::kUnauthenticated);
}

TEST_F(AccessTest, AFrontendWithoutKeysServesEverybodyAndSpeaksForNobody) {
  EXPECT_TRUE(passes(Asker::kAnybody, Command::kGet, key("secret")));
  Options as_ada;
  as_ada.as = "ada";
  EXPECT_EQ(told(Asker::kAnybody, Command::kGet, key("secret"), as_ada).status, Code::kPermissionDenied);
}

TEST_F(AccessTest, AListingOfNothingThatMayBeSeenIsRefusedAndAsksNobody) {
  offer(some_records());
  EXPECT_FALSE(passes(kAda, Command::kKeys, key("secret:")));
  EXPECT_EQ(told(kAda, Command::kCount, key("secret:")).status, Code::kPermissionDenied);
  EXPECT_TRUE(passes(kAda, Command::kCount, key("")));
}

TEST_F(AccessTest, OtherMessagesThanRecordsChangeNothing) {
  BundleWriter bundle;
  bundle.add(static_cast<std::uint8_t>(MessageType::kAccessOffer), "\x93\x01\x02\x03");
  bundle.add(static_cast<std::uint8_t>(MessageType::kAccessNews), "short");
  harness_.from_worker(harness_.worker(0), bundle);
  EXPECT_EQ(harness_.broker->admit(std::string(kPublicKeySize, '2')).verdict, Admission::Verdict::kNotYet);
}

}  // namespace
}  // namespace trellis::test
