// From replies to HTTP responses: statuses, marks, conditions of reads, pages, and the description of it all.
#include "gateway/answer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gateway/listing.hpp"
#include "gateway/openapi.hpp"
#include "gateway/partitions.hpp"
#include "gateway/readiness.hpp"
#include "protocol/cluster/cluster_map.hpp"
#include "protocol/json.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

Plan plan_of(Method method, const std::string& target, std::string body = "", RequestHeaders headers = {}) {
  HttpRequest request;
  request.method = method;
  request.target = *read_target(target);
  request.headers = std::move(headers);
  request.body = std::move(body);
  auto plan = make_plan(request);
  EXPECT_TRUE(plan) << plan.error().body;
  return *plan;
}

class AnswerTest : public testing::Test {
 protected:
  /// A reply whose result is this JSON.
  Reply ok(const std::string& json) {
    packed_ = *parse_json(json);
    Reply reply;
    reply.result = packed_;
    return reply;
  }
  static Reply error(Code code) {
    Reply reply;
    reply.status = code;
    reply.info.message = "why";
    return reply;
  }

  const Plan get_ = plan_of(Method::kGet, "/v1/keys/k");
  const Plan put_ = plan_of(Method::kPut, "/v1/keys/a%2Fb", "1");

 private:
  std::string packed_;
};

TEST_F(AnswerTest, WhatIsLeftOfADocumentStandsInAHeader) {
  Reply reply = ok("1");
  const auto has_left = [](const HttpResponse& response, const std::string& left) {
    const std::pair<std::string, std::string> header("Trellis-TTL", left);
    return std::count(response.headers.begin(), response.headers.end(), header) == 1;
  };
  EXPECT_FALSE(has_left(answer(get_, reply), ""));
  reply.info.ttl_ms = 59'312;
  EXPECT_TRUE(has_left(answer(get_, reply), "59.312"));
}

TEST_F(AnswerTest, AChangeOfAPathIsAnsweredAsOneOfAKey) {
  const Plan put = plan_of(Method::kPut, "/v1/query/k/a", "1");
  EXPECT_EQ(answer(put, ok("[true]")).status, 201);
  EXPECT_EQ(answer(put, ok("[false]")).status, 200);
  EXPECT_EQ(answer(put, ok("[false]")).body, "false\n");
  const Plan removal = plan_of(Method::kDelete, "/v1/query/k/a");
  EXPECT_EQ(answer(removal, ok("[true]")).body, "true\n");
  EXPECT_EQ(answer(removal, ok("[false]")).status, 404);
  RequestHeaders headers;
  headers.content_type = "application/merge-patch+json";
  headers.if_match = "*";
  const Plan merge = plan_of(Method::kPatch, "/v1/keys/k", "{}", headers);
  EXPECT_EQ(answer(merge, ok("[true]")).body, "true\n");
  EXPECT_EQ(answer(merge, error(Code::kNotFound)).status, 412) << "there had to be a document";
}

TEST_F(AnswerTest, EachCodeHasItsStatus) {
  const std::pair<Code, int> statuses[] = {
      {Code::kInvalidArgument, 400},    {Code::kNotFound, 404},        {Code::kAlreadyExists, 409},
      {Code::kFailedPrecondition, 409}, {Code::kUnavailable, 503},     {Code::kDeadlineExceeded, 504},
      {Code::kResourceExhausted, 429},  {Code::kUnauthenticated, 401}, {Code::kPermissionDenied, 403},
      {Code::kUnimplemented, 501},      {Code::kInternal, 500}};
  for (const auto& [code, status] : statuses) {
    const HttpResponse response = answer(put_, error(code));
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.content_type, "application/problem+json");
    const auto problem = nlohmann::json::parse(response.body);
    EXPECT_EQ(problem["status"], status);
    EXPECT_EQ(problem["code"], name_of(code));
    EXPECT_EQ(problem["detail"], "why");
    EXPECT_EQ(response.header("Retry-After") != nullptr, status == 429 || status == 503);
  }
}

TEST_F(AnswerTest, AnotherRequestUnderAUsedIdempotencyKeyIs409AlsoWhereItHasACondition) {
  Plan conditional = put_;
  conditional.if_version = 7;
  Reply reply = error(Code::kFailedPrecondition);
  reply.info.exactly_once = ExactlyOnce::kOtherRequest;
  const HttpResponse response = answer(conditional, reply);
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(nlohmann::json::parse(response.body)["exactly_once"], "other_request");
}

TEST_F(AnswerTest, AQueryWithDotsIsToldHowAPathIsWritten) {
  const auto told = [](const std::string& target) {
    return answer(plan_of(Method::kGet, target), error(Code::kNotFound)).body;
  };
  EXPECT_THAT(told("/v1/query/person1.name"), testing::HasSubstr("slashes: /v1/query/person1/name"));
  EXPECT_THAT(told("/v1/query/person1/name"), testing::Not(testing::HasSubstr("slashes")));
  EXPECT_THAT(told("/v1/query/person1"), testing::Not(testing::HasSubstr("slashes")));
}

TEST_F(AnswerTest, AConditionOfAWriteThatDidNotHoldIs412) {
  Plan conditional = put_;
  conditional.if_version = 3;
  EXPECT_EQ(answer(conditional, error(Code::kFailedPrecondition)).status, 412);
}

TEST_F(AnswerTest, TheVersionIsTheETag) {
  Reply reply = ok("{\"a\": 1}");
  reply.info.version = 12;
  const HttpResponse response = answer(get_, reply);
  EXPECT_EQ(response.body, "{\"a\": 1}\n");
  EXPECT_EQ(*response.header("ETag"), "\"12\"");
}

TEST_F(AnswerTest, ConditionsOfReadsAreCheckedByTheVersion) {
  Reply reply = ok("1");
  reply.info.version = 12;
  RequestHeaders headers;
  headers.if_none_match = "\"11\", W/\"12\"";
  const HttpResponse same = answer(plan_of(Method::kGet, "/v1/keys/k", "", headers), reply);
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  headers.if_none_match = "\"11\"";
  EXPECT_EQ(answer(plan_of(Method::kGet, "/v1/keys/k", "", headers), reply).status, 200);
  headers.if_match = "\"11\"";
  EXPECT_EQ(answer(plan_of(Method::kGet, "/v1/keys/k", "", headers), reply).status, 412);
}

TEST_F(AnswerTest, ANewKeyIs201WithItsLocation) {
  const HttpResponse created = answer(put_, ok("true"));
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(*created.header("Location"), "/v1/keys/a%2Fb");
  EXPECT_EQ(answer(put_, ok("false")).status, 200);
}

TEST_F(AnswerTest, DeletingNothingIs404) {
  const Plan remove = plan_of(Method::kDelete, "/v1/keys/k");
  EXPECT_EQ(answer(remove, ok("false")).status, 404);
  EXPECT_EQ(answer(plan_of(Method::kDelete, "/v1/members/a"), ok("false")).status, 200) << "it was begun before";
  EXPECT_EQ(answer(remove, ok("true")).body, "true\n");
}

TEST_F(AnswerTest, WhatIsNotGuaranteedIsMarkedOnErrorsToo) {
  for (Reply reply : {ok("1"), error(Code::kUnavailable)}) {
    reply.info.guaranteed = false;
    reply.info.warnings = {"2 of 3 \"workers\" are down"};
    reply.info.missing_partitions = {3, 5};
    const HttpResponse response = answer(get_, reply);
    EXPECT_EQ(*response.header("Trellis-Guaranteed"), "false");
    EXPECT_EQ(*response.header("Warning"), R"(199 trellis "2 of 3 \"workers\" are down")");
    EXPECT_EQ(*response.header("Trellis-Missing-Partitions"), "3, 5");
  }
}

TEST_F(AnswerTest, APageLinksToTheNext) {
  Reply reply = ok(R"([["a", 1], ["b/c", 2]])");
  reply.info.more = true;
  const HttpResponse page = answer(plan_of(Method::kGet, "/v1/scan?limit=2&prefix=x%26"), reply);
  EXPECT_EQ(*page.header("Link"), "</v1/scan?limit=2&after=b%2Fc&prefix=x%26>; rel=\"next\"");
}

TEST_F(AnswerTest, PackedIsWhatWasStored) {
  RequestHeaders headers;
  headers.accept = "application/msgpack";
  const Reply reply = ok("{\"$binary\": \"AA==\"}");
  const HttpResponse response = answer(plan_of(Method::kGet, "/v1/keys/k", "", headers), reply);
  EXPECT_EQ(response.body, reply.result);
  EXPECT_EQ(response.content_type, "application/msgpack");
}

TEST_F(AnswerTest, AListingIsOneArrayOverItsPages) {
  const Plan plan = plan_of(Method::kGet, "/v1/keys?prefix=x");
  Listing listing(plan);
  EXPECT_EQ(to_json(listing.next_arguments()), R"(["x", 1000])");
  Reply reply = ok(R"(["a", "b"])");
  reply.info.more = true;
  std::string text = *listing.on_page(reply);
  EXPECT_FALSE(listing.finished());
  EXPECT_EQ(to_json(listing.next_arguments()), R"(["x", 1000, "b"])");
  text += *listing.on_page(ok(R"(["c"])"));
  EXPECT_TRUE(listing.finished());
  EXPECT_EQ(text, "[\n\"a\",\n\"b\",\n\"c\"\n]\n");
}

TEST_F(AnswerTest, AListingBreaksOffRatherThanGoOnWithoutItsGuarantee) {
  const Plan plan = plan_of(Method::kGet, "/v1/keys");
  Listing listing(plan);
  Reply reply = ok(R"(["a"])");
  reply.info.more = true;
  EXPECT_TRUE(listing.on_page(reply));
  reply.info.guaranteed = false;
  EXPECT_FALSE(listing.on_page(reply));
}

TEST_F(AnswerTest, AnEmptyListingIsAnEmptyArray) {
  const Plan plan = plan_of(Method::kGet, "/v1/keys");
  EXPECT_EQ(*Listing(plan).on_page(ok("[]")), "[]\n");
}

TEST_F(AnswerTest, ReadyOnceTheClusterServes) {
  EXPECT_EQ(readiness(ok(R"({"cluster": "c", "partitions": 16, "partitions_available": 3})"), false).body, "ok\n");
  const HttpResponse forming = readiness(ok(R"({"cluster": null, "partitions": 16, "partitions_available": 0})"), true);
  EXPECT_EQ(forming.status, 503);
  EXPECT_THAT(forming.body, testing::HasSubstr("[-]cluster is not formed"));
  EXPECT_EQ(readiness(error(Code::kUnavailable), false).status, 503);
}

TEST_F(AnswerTest, EveryPartitionHasAKeyOfItsOwn) {
  const auto keys = key_of_each_partition(64);
  for (std::uint32_t i = 0; i < 64; ++i) EXPECT_EQ(partition_of(keys[i], 64).value, i);
}

TEST_F(AnswerTest, PartitionsAreGatheredInTheirOrder) {
  const Plan plan = plan_of(Method::kGet, "/v1/partitions");
  PartitionsGatherer gatherer(plan);
  EXPECT_EQ(gatherer.on_status(ok(R"({"cluster": "c", "partitions": 2})")).size(), 2);
  gatherer.on_located(1, ok(R"({"partition": 1})"));
  EXPECT_FALSE(gatherer.take_response());
  gatherer.on_located(0, ok(R"({"partition": 0})"));
  EXPECT_EQ(gatherer.take_response()->body, "[{\"partition\": 0}, {\"partition\": 1}]\n");
}

TEST(OpenApi, DescribesTheTableOfRoutes) {
  const auto described = nlohmann::json::parse(openapi_json());
  std::size_t operations = 0;
  for (const auto& [path, methods] : described["paths"].items()) operations += methods.size();
  EXPECT_EQ(operations, routes().size());
  for (const Route& route : routes()) {
    std::string method(name_of(route.method));
    for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
    const auto& operation = described["paths"][std::string(route.pattern)][method];
    ASSERT_TRUE(operation.is_object()) << route.pattern;
    EXPECT_EQ(operation.contains("requestBody"), route.body != BodyKind::kNone);
    for (const Parameter& parameter : parameters_of(route)) {
      EXPECT_THAT(operation["parameters"].dump(), testing::HasSubstr("\"" + std::string(parameter.name) + "\""));
    }
  }
}

}  // namespace
}  // namespace trellis
