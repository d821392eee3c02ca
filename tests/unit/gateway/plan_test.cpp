// From HTTP requests to commands: what a request asks of the cluster, and what is refused before it is asked.
#include "gateway/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/accept.hpp"
#include "protocol/json.hpp"

namespace trellis {
namespace {

using testing::HasSubstr;

HttpRequest request(Method method, const std::string& target, std::string body = "", RequestHeaders headers = {}) {
  HttpRequest request;
  request.method = method;
  request.target = *read_target(target);
  request.headers = std::move(headers);
  request.body = std::move(body);
  return request;
}

/// The command with its arguments in JSON, or the status and detail of the refusal.
std::string planned(const HttpRequest& request) {
  const auto plan = make_plan(request);
  if (!plan) return std::to_string(plan.error().status) + " " + plan.error().body;
  return std::string(name_of(plan->route->command)) + " " + to_json(plan->arguments);
}

TEST(Plan, ARouteIsACommandAndItsPathAndQueryAreTheArguments) {
  EXPECT_EQ(planned(request(Method::kGet, "/v1/keys/person1")), "GET [\"person1\"]");
  EXPECT_EQ(planned(request(Method::kHead, "/v1/keys/person1")), "HAS [\"person1\"]");
  EXPECT_EQ(planned(request(Method::kDelete, "/v1/keys/a%2Fb%20c")), "DELETE [\"a/b c\"]");
  EXPECT_EQ(planned(request(Method::kPost, "/v1/keys/person1/pop")), "POP [\"person1\"]");
  EXPECT_EQ(planned(request(Method::kPut, "/v1/keys/k", R"({"n": 18446744073709551615})")),
            R"(PUT ["k", {"n": 18446744073709551615}])");
  EXPECT_EQ(planned(request(Method::kGet, "/v1/keys?prefix=per&limit=5&after=a+b")), R"(KEYS ["per", 5, "a b"])");
  EXPECT_EQ(planned(request(Method::kGet, "/v1/scan")), R"(SCAN ["", 250])");
  EXPECT_EQ(planned(request(Method::kGet, "/v1/count?prefix=x")), R"(COUNT ["x"])");
  EXPECT_EQ(planned(request(Method::kGet, "/v1/members")), "MEMBERS []");
  EXPECT_EQ(planned(request(Method::kGet, "/v1/moves")), "MOVES []");
  EXPECT_EQ(planned(request(Method::kGet, "/v1/settings")), "SETTINGS []");
  EXPECT_EQ(planned(request(Method::kPatch, "/v1/settings", R"({"moves": 3})")), R"(SETTINGS [{"moves": 3}])");
  EXPECT_EQ(planned(request(Method::kGet, "/v1/locate/k")), R"(LOCATE ["k"])");
  EXPECT_EQ(planned(request(Method::kPost, "/v1/batch", R"([["GET", ["k"]]])")), R"(BATCH [[["GET", ["k"]]]])");
  EXPECT_EQ(planned(request(Method::kPost, "/v1/compute", R"({"where": {"x": ["a", 1]}, "expression": "2*x"})")),
            R"(COMPUTE ["2*x", {"x": ["a", 1]}])");
}

TEST(Plan, DigitsInAPathAreAPositionUnlessAZeroLeads) {
  EXPECT_EQ(planned(request(Method::kGet, "/v1/query/p/list/0/07/12a/18446744073709551616")),
            R"(QUERY [["p", "list", 0, "07", "12a", "18446744073709551616"]])");
}

RequestHeaders of_type(std::string type) {
  RequestHeaders headers;
  headers.content_type = std::move(type);
  return headers;
}

TEST(Plan, APatchIsWhatItsContentTypeSays) {
  const auto patch = [](const std::string& body, const std::string& type) {
    return planned(request(Method::kPatch, "/v1/keys/k", body, of_type(type)));
  };
  EXPECT_EQ(patch(R"({"a": null})", "application/merge-patch+json"), R"(PATCH ["k", [["merge", [], {"a": null}]]])");
  EXPECT_EQ(patch(R"([{"op": "add", "path": "/a~1b/0/~0", "value": 1}, {"op": "remove", "path": "/"},
                      {"path": "/x", "from": "", "op": "copy", "note": "passed over"}])",
                  "application/json-patch+json; charset=utf-8"),
            R"(PATCH ["k", [["add", ["a/b", "0", "~"], 1], ["remove", [""]], ["copy", ["x"], []]]])");
  EXPECT_EQ(patch("[]", "application/json-patch+json"), R"(PATCH ["k", [["move", [], []]]])");
  EXPECT_EQ(patch(R"([["increment", ["n"], 1]])", "application/json"), R"(PATCH ["k", [["increment", ["n"], 1]]])");
  EXPECT_THAT(patch("{}", "text/plain"), HasSubstr("415"));
  EXPECT_THAT(patch("{}", "application/json-patch+json"), HasSubstr("array of operations"));
  EXPECT_THAT(patch(R"([{"op": "add", "path": "a", "value": 1}])", "application/json-patch+json"),
              HasSubstr("operation 1: its path is no JSON Pointer"));
  EXPECT_THAT(patch(R"([{"op": "add", "path": "/a~2", "value": 1}])", "application/json-patch+json"), HasSubstr("400"));
  EXPECT_THAT(patch(R"([{"op": "add", "path": "/a"}])", "application/json-patch+json"), HasSubstr("no \\\"value\\\""));
  EXPECT_THAT(patch(R"([{"path": "/a"}])", "application/json-patch+json"), HasSubstr("operation 1"));
}

TEST(Plan, OnlyAJsonPatchHasPointers) {
  const auto plan = make_plan(request(Method::kPatch, "/v1/keys/k", "[]", of_type("application/json-patch+json")));
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->options().pointer);
  EXPECT_FALSE(make_plan(request(Method::kPatch, "/v1/keys/k", "[]"))->options().pointer);
}

TEST(Plan, APathIsPutAndDeletedInPlace) {
  EXPECT_EQ(planned(request(Method::kPut, "/v1/query/k/a/0", R"({"b": 1})")),
            R"(PATCH ["k", [["set", ["a", 0], {"b": 1}]]])");
  EXPECT_EQ(planned(request(Method::kDelete, "/v1/query/k/a/07")), R"(PATCH ["k", [["remove", ["a", "07"]]]])");
  EXPECT_THAT(planned(request(Method::kDelete, "/v1/query/k")), HasSubstr("/v1/keys/{key}"));
}

TEST(Plan, ConditionsOfAPatchAreOptions) {
  RequestHeaders headers = of_type("application/merge-patch+json");
  headers.if_match = "*";
  EXPECT_TRUE(make_plan(request(Method::kPatch, "/v1/keys/k", "{}", headers))->options().if_present);
  headers.if_match = "\"7\"";
  EXPECT_EQ(make_plan(request(Method::kPatch, "/v1/keys/k", "{}", headers))->options().if_version, 7);
  headers.if_match = "\"7\", \"8\"";
  EXPECT_THAT(planned(request(Method::kPatch, "/v1/keys/k", "{}", headers)), HasSubstr("one tag or *"));
}

TEST(Plan, AKeyMayHoldAnyByte) {
  EXPECT_EQ(planned(request(Method::kGet, "/v1/keys/%FF%00")), R"(GET [{"$binary": "/wA="}])");
}

TEST(Plan, ALifetimeIsANumberOfSecondsOnWhatStoresADocument) {
  RequestHeaders headers;
  headers.ttl = "60";
  EXPECT_EQ(make_plan(request(Method::kPut, "/v1/keys/k", "1", headers))->options().ttl_ms, 60'000);
  EXPECT_EQ(make_plan(request(Method::kPut, "/v1/query/k/a", "1", headers))->options().ttl_ms, 60'000);
  headers.ttl = "0.5";
  EXPECT_EQ(make_plan(request(Method::kPut, "/v1/keys/k", "1", headers))->options().ttl_ms, 500);
  EXPECT_THAT(planned(request(Method::kGet, "/v1/keys/k", "", headers)), HasSubstr("only PUT and PATCH"));
  EXPECT_THAT(planned(request(Method::kDelete, "/v1/keys/k", "", headers)), HasSubstr("only PUT and PATCH"));
  for (const char* wrong : {"0", "-1", "1s", "soon", "315360001"}) {
    headers.ttl = wrong;
    EXPECT_THAT(planned(request(Method::kPut, "/v1/keys/k", "1", headers)), HasSubstr("a number of seconds")) << wrong;
  }
}

TEST(Plan, HeadersAreTheOptions) {
  RequestHeaders headers;
  headers.if_match = "\"7\"";
  headers.idempotency_key = "once";
  const auto put = make_plan(request(Method::kPut, "/v1/keys/k?timeout_ms=9", "1", headers));
  ASSERT_TRUE(put);
  const Options options = put->options();
  EXPECT_EQ(options.if_version, 7);
  EXPECT_EQ(options.session, "http:once");
  EXPECT_EQ(options.timeout, std::chrono::milliseconds(9));
  headers = {};
  headers.if_none_match = "*";
  EXPECT_TRUE(make_plan(request(Method::kPut, "/v1/keys/k", "1", headers))->if_absent);
}

TEST(Plan, AWeakTagNeverMatchesAWrite) {
  RequestHeaders headers;
  headers.if_match = "W/\"7\"";
  EXPECT_THAT(planned(request(Method::kPut, "/v1/keys/k", "1", headers)), HasSubstr("412"));
}

TEST(Plan, ConditionsOfAWriteThatNoOptionStandsForAreGuarded) {
  const auto plan_with = [](Method method, const std::string& match, const std::string& none_match) {
    RequestHeaders headers;
    headers.if_match = match;
    headers.if_none_match = none_match;
    return *make_plan(request(method, "/v1/keys/k", method == Method::kPut ? "1" : "", headers));
  };
  for (const auto& [match, none_match] : {std::pair("*", ""), {"\"1\", \"2\"", ""}, {"", "\"1\""}, {"\"1\"", "*"}}) {
    const Plan plan = plan_with(Method::kPut, match, none_match);
    EXPECT_TRUE(plan.has_preconditions) << match << " " << none_match;
    EXPECT_FALSE(plan.if_version || plan.if_absent);
  }
  EXPECT_FALSE(plan_with(Method::kPut, "\"1\"", "").has_preconditions);
  EXPECT_FALSE(plan_with(Method::kPut, "", "*").has_preconditions);
  EXPECT_FALSE(plan_with(Method::kDelete, "*", "").has_preconditions) << "DELETE is of what is there";
  EXPECT_TRUE(plan_with(Method::kDelete, "", "*").has_preconditions);
}

TEST(Plan, AGuardedWriteIsNotExactlyOnce) {
  RequestHeaders headers;
  headers.if_match = "*";
  headers.idempotency_key = "once";
  EXPECT_THAT(planned(request(Method::kPut, "/v1/keys/k", "1", headers)), HasSubstr("Idempotency-Key"));
}

TEST(Plan, WhatIsWrongIsRefusedWithWhatWouldBeRight) {
  RequestHeaders unquoted;
  unquoted.if_match = "7";
  RequestHeaders xml;
  xml.content_type = "text/xml";
  const std::pair<HttpRequest, std::string> refusals[] = {
      {request(Method::kGet, "/v1/nothing"), "404"},
      {request(Method::kGet, "/v1/keys/a/b"), "%2F"},
      {request(Method::kPost, "/v1/keys/a"), "GET, HEAD, PUT, DELETE"},
      {request(Method::kGet, "/v1/keys/"), "1 to 4096"},
      {request(Method::kGet, "/v1/keys?limit=10001"), "10000"},
      {request(Method::kGet, "/v1/keys/k?limit=1"), "consistency"},
      {request(Method::kGet, "/v1/keys/k?timeout_ms=0"), "600000"},
      {request(Method::kPut, "/v1/keys/k", "{"), "column 2"},
      {request(Method::kPut, "/v1/keys/k", "1", unquoted), "in quotes"},
      {request(Method::kPut, "/v1/keys/k", "1", xml), "415"},
      {request(Method::kPost, "/v1/compute", R"({"where": {}})"), "expression"},
      {request(Method::kPost, "/v1/batch", "1"), "array"},
  };
  for (const auto& [wrong, right] : refusals) EXPECT_THAT(planned(wrong), HasSubstr(right));
}

TEST(Plan, ADocumentOverTheLimitIs413WithTheLimit) {
  const std::string document = "\"" + std::string(kDocumentSizeMax, 'x') + "\"";
  EXPECT_THAT(planned(request(Method::kPut, "/v1/keys/k", document)), HasSubstr("\"limit\": 16777216"));
}

TEST(Plan, AnotherSitesPageMayReadButNotWrite) {
  RequestHeaders headers;
  headers.host = "127.0.0.1:7480";
  headers.origin = "http://evil.example";
  EXPECT_THAT(planned(request(Method::kPost, "/v1/keys/k/pop", "", headers)), HasSubstr("403"));
  headers.origin = "http://127.0.0.1:7480";
  EXPECT_EQ(planned(request(Method::kPost, "/v1/keys/k/pop", "", headers)), "POP [\"k\"]");
}

TEST(Accept, TheHighestRankedFormatWins) {
  EXPECT_EQ(accepted_format("", false), Format::kJson);
  EXPECT_EQ(accepted_format("*/*", false), Format::kJson);
  EXPECT_EQ(accepted_format("application/msgpack", false), Format::kPacked);
  EXPECT_EQ(accepted_format("application/json;q=0.5, application/msgpack", false), Format::kPacked);
  EXPECT_EQ(accepted_format("text/html, application/*;q=0.1", false), Format::kJson);
  EXPECT_EQ(accepted_format("application/json;q=0", false), std::nullopt);
  EXPECT_EQ(accepted_format("text/html", false), std::nullopt);
  EXPECT_EQ(accepted_format("application/x-ndjson", true), Format::kJsonLines);
  EXPECT_EQ(accepted_format("application/x-ndjson", false), std::nullopt);
}

TEST(Target, SlashesAreFoundBeforePercentSignsAreDecoded) {
  const auto target = read_target("/a%2Fb/%25?x=1%262&y&z=a+b");
  ASSERT_TRUE(target);
  EXPECT_THAT(target->segments, testing::ElementsAre("a/b", "%"));
  EXPECT_THAT(target->parameters,
              testing::ElementsAre(testing::Pair("x", "1&2"), testing::Pair("y", ""), testing::Pair("z", "a b")));
  EXPECT_FALSE(read_target("/%4"));
  EXPECT_FALSE(read_target("/?a=%zz"));
}

TEST(Target, EveryByteComesBackFromItsEncoding) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_THAT(read_target("/" + percent_encoded(all))->segments, testing::ElementsAre(all));
}

TEST(Plan, AWholeUrlIsTakenAndNamesTheHost) {
  const auto target = read_target("http://Db.example:7480/v1/keys/a%2Fb?limit=1");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->authority, "Db.example:7480");
  EXPECT_EQ(target->segments, (std::vector<std::string>{"v1", "keys", "a/b"}));
  EXPECT_EQ(target->parameters.size(), 1u);
  EXPECT_EQ(read_target("HTTPS://db")->segments, std::vector<std::string>{""});
  EXPECT_EQ(read_target("/v1/keys/http://x")->authority, "");
  for (const char* wrong : {"*", "v1/keys", "db:80", "http:///v1", "http://u@db/", "ftp://db/", ""}) {
    EXPECT_FALSE(read_target(wrong)) << wrong;
  }
}

TEST(Plan, APathThatNothingIsAtNamesTheNearest) {
  const auto told = [](const std::string& target) { return planned(request(Method::kGet, target)); };
  EXPECT_THAT(told("/keys/x"), HasSubstr("the nearest is /v1/keys/x,"));
  EXPECT_THAT(told("/v2/keys/x%2Fy"), HasSubstr("the nearest is /v1/keys/x%2Fy,"));
  EXPECT_THAT(told("/v1/key/x"), HasSubstr("the nearest is /v1/keys/x,"));
  EXPECT_THAT(told("/healthz"), HasSubstr("the nearest is /livez,"));
  EXPECT_THAT(told("/v1/metrics"), HasSubstr("the nearest is /metrics,"));
  EXPECT_THAT(told("/query/a/b"), HasSubstr("the nearest is /v1/query/a/b,"));
  EXPECT_THAT(told("/v1/keys/x/y/z"), HasSubstr("the nearest is /v1/keys/x%2Fy%2Fz,"));
  EXPECT_THAT(told("/docs"), HasSubstr("nothing at this path; /openapi.json describes"));
  EXPECT_THAT(told("/v1/frobnicate"), testing::Not(HasSubstr("nearest")));
}

TEST(Plan, TheConsoleTakesALine) {
  const auto plan = make_plan(request(Method::kPost, "/v1/console", R"({"line": "GET a", "all": true})"));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->line, "GET a");
  EXPECT_TRUE(plan->all);
  for (const char* wrong : {"{}", "[]", R"({"line": 1})", R"({"line": "GET a", "more": 1})", R"({"all": true})"}) {
    EXPECT_THAT(planned(request(Method::kPost, "/v1/console", wrong)), HasSubstr("400 ")) << wrong;
  }
}

TEST(Plan, AByteOrderMarkInFrontOfABodyIsNoPartOfIt) {
  const auto plan = make_plan(request(Method::kPut, "/v1/keys/k", "\xef\xbb\xbf[1]"));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->arguments, "\x92\xa1k\x91\x01");
}

TEST(Plan, AnInfiniteNumberInABodyIsToldHowItIsWritten) {
  EXPECT_THAT(planned(request(Method::kPut, "/v1/keys/k", "[1e400]")), HasSubstr(R"({\"$float\": \"inf\"})"));
}

}  // namespace
}  // namespace trellis
