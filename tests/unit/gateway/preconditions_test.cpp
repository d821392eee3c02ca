// Conditions of writes as RFC 9110 has them, checked against the version that is there.
#include "gateway/preconditions.hpp"

#include <gtest/gtest.h>

#include "gateway/answer.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// What becomes of a write under these conditions: the status it is answered with at once, or "absent" or the version
/// that it is bound to.  @param version  that is there; 0: there is no such key
std::string outcome(Method method, const std::string& match, const std::string& none_match, std::uint64_t version) {
  HttpRequest request;
  request.method = method;
  request.target = *read_target("/v1/keys/k");
  request.headers.if_match = match;
  request.headers.if_none_match = none_match;
  if (method == Method::kPut) request.body = "1";
  Plan plan = *make_plan(request);
  EXPECT_TRUE(plan.has_preconditions);
  std::string result;
  PackedWriter(result).boolean(version != 0);
  Reply has;
  has.result = result;
  if (version != 0) has.info.version = version;
  if (const auto response = check_version(plan, has)) return std::to_string(response->status);
  return plan.if_absent ? "absent" : std::to_string(plan.if_version.value_or(0));
}

TEST(Preconditions, IfMatchStarWritesOnWhateverIsThere) {
  EXPECT_EQ(outcome(Method::kPut, "*", "", 7), "7");
  EXPECT_EQ(outcome(Method::kPut, "*", "", 0), "412");
}

TEST(Preconditions, SeveralTagsAreSeveralVersions) {
  EXPECT_EQ(outcome(Method::kPut, "\"6\", \"7\"", "", 7), "7");
  EXPECT_EQ(outcome(Method::kPut, "\"6\", \"7\"", "", 8), "412");
  EXPECT_EQ(outcome(Method::kPut, "\"6\", W/\"7\"", "", 7), "412") << "a weak tag is never strongly equal";
  EXPECT_EQ(outcome(Method::kPut, "\"6\", \"7\"", "", 0), "412");
  EXPECT_EQ(outcome(Method::kDelete, "\"6\", \"7\"", "", 7), "7");
}

TEST(Preconditions, IfNoneMatchWritesWhereNoTagMatches) {
  EXPECT_EQ(outcome(Method::kPut, "", "\"7\"", 7), "412");
  EXPECT_EQ(outcome(Method::kPut, "", "W/\"7\"", 7), "412");
  EXPECT_EQ(outcome(Method::kPut, "", "\"7\"", 8), "8");
  EXPECT_EQ(outcome(Method::kPut, "", "\"7\"", 0), "absent");
  EXPECT_EQ(outcome(Method::kDelete, "", "*", 7), "412");
}

TEST(Preconditions, BothConditionsHaveToHold) {
  EXPECT_EQ(outcome(Method::kPut, "*", "\"7\"", 8), "8");
  EXPECT_EQ(outcome(Method::kPut, "*", "\"7\"", 7), "412");
  EXPECT_EQ(outcome(Method::kPut, "\"7\"", "*", 7), "412");
}

TEST(Preconditions, ADeleteOfNothingIsNotFoundWhateverItsConditions) {
  EXPECT_EQ(outcome(Method::kDelete, "", "\"7\"", 0), "404");
  EXPECT_EQ(outcome(Method::kDelete, "\"6\", \"7\"", "", 0), "404");
}

TEST(Preconditions, TheVersionThatAWriteMadeIsNotCheckedAgain) {
  HttpRequest request;
  request.method = Method::kPut;
  request.target = *read_target("/v1/keys/k");
  request.headers.if_match = "\"6\", \"7\"";
  request.body = "1";
  std::string result;
  PackedWriter(result).boolean(false);
  Reply written;
  written.result = result;
  written.info.version = 8;
  EXPECT_EQ(answer(*make_plan(request), written).status, 200);
}

TEST(Preconditions, SeesThatSomebodyCameBetween) {
  Plan plan;
  plan.if_version = 7;
  Reply reply;
  EXPECT_FALSE(was_overtaken(plan, reply));
  reply.status = Code::kFailedPrecondition;
  EXPECT_TRUE(was_overtaken(plan, reply));
  plan = {};
  plan.if_absent = true;
  EXPECT_FALSE(was_overtaken(plan, reply));
  reply.status = Code::kAlreadyExists;
  EXPECT_TRUE(was_overtaken(plan, reply));
}

}  // namespace
}  // namespace trellis
