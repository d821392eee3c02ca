#include "protocol/command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/access/access_changes.hpp"
#include "protocol/packed.hpp"
#include "tests/unit/protocol/mutations.hpp"

namespace trellis {
namespace {

using ::testing::HasSubstr;

template <typename Write>
std::string packed(Write write) {
  std::string out;
  PackedWriter writer(out);
  write(writer);
  return out;
}

std::string no_arguments() { return "\x90"; }
std::string key_arguments(std::string_view key = "k") {
  return packed([&](PackedWriter& to) { to.array(1).str(key); });
}
std::string put_arguments(std::string_view key = "k") {
  return packed([&](PackedWriter& to) { to.array(2).str(key).natural(1); });
}

/// Arguments with which the command is right, so that only its options are checked.
std::string arguments_of(Command command) {
  switch (row_of(command).signature) {
    case Signature::kRecord: return put_arguments();
    case Signature::kKey: return key_arguments();
    case Signature::kPath: return packed([](PackedWriter& to) { to.array(1).array(2).str("k").str("name"); });
    case Signature::kFormula: return packed([](PackedWriter& to) { to.array(2).str("1+1").map(0); });
    case Signature::kChanges:
      return packed([](PackedWriter& to) { to.array(2).str("k").array(1).array(2).str("remove").array(1).str("a"); });
    case Signature::kLifetime: return packed([](PackedWriter& to) { to.array(2).str("k").natural(1); });
    case Signature::kItems: return packed([](PackedWriter& to) { to.array(1).array(0); });
    default: return no_arguments();
  }
}

std::vector<Command> all_commands() {
  std::vector<Command> commands;
  for (const CommandRow& row : command_rows()) commands.push_back(row.command);
  return commands;
}

std::string frame_of(Command command, std::string_view options) {
  return packed([&](PackedWriter& to) {
    to.array(5).natural(1).natural(7).str(name_of(command)).packed(arguments_of(command)).packed(options);
  });
}

/// What is wrong with a frame; empty where it is taken.  A refusal has a message of one line of UTF-8.
std::string refusal(std::string_view frame, std::uint64_t id = 7) {
  const auto read = read_request(frame);
  if (std::holds_alternative<Request>(read)) return "";
  const auto& bad = std::get<BadRequest>(read);
  EXPECT_EQ(bad.error.code, Code::kInvalidArgument);
  EXPECT_EQ(bad.id, id);
  EXPECT_TRUE(is_utf8(bad.error.message));
  EXPECT_EQ(bad.error.message.find('\n'), std::string::npos);
  EXPECT_FALSE(bad.error.message.empty());
  return bad.error.message;
}

template <typename T>
std::string refusal(const Result<T>& result) {
  if (result) return "";
  EXPECT_EQ(result.error().code, Code::kInvalidArgument);
  EXPECT_FALSE(result.error().message.empty());
  return result.error().message;
}

template <typename Write>
std::string refused_options(Command command, Write write) {
  return refusal(frame_of(command, packed(write)));
}

// ---- the request's frame ----

TEST(Request, IsReadWithItsIdCommandAndArguments) {
  const std::string frame = frame_of(Command::kGet, "\xc0");
  const auto read = read_request(frame);
  ASSERT_TRUE(std::holds_alternative<Request>(read));
  const auto& request = std::get<Request>(read);
  EXPECT_EQ(request.id, 7u);
  EXPECT_EQ(request.command, Command::kGet);
  EXPECT_EQ(request.arguments, key_arguments());
  EXPECT_EQ(request.options.timeout, kTimeoutDefault);
  EXPECT_FALSE(request.options.stale);
  EXPECT_FALSE(request.options.session);
}

TEST(Request, OfEveryCommandIsReadWithAndWithoutOptions) {
  for (const Command command : all_commands()) {
    SCOPED_TRACE(std::string(name_of(command)));
    EXPECT_EQ(command_of(name_of(command)), command);
    EXPECT_EQ(refusal(frame_of(command, "\xc0")), "");
    EXPECT_EQ(refusal(frame_of(command, "\x80")), "");
    EXPECT_EQ(refusal(packed([&](PackedWriter& to) {
                to.array(4).natural(1).natural(7).str(name_of(command)).packed(arguments_of(command));
              })),
              "");
  }
}

TEST(Request, TakesIdsFrom0To2To63Minus1) {
  const auto with_id = [](auto write) {
    return packed([&](PackedWriter& to) {
      to.array(4).natural(1);
      write(to);
      to.str("PING").array(0);
    });
  };
  for (const std::uint64_t id : {std::uint64_t{0}, std::uint64_t{INT64_MAX}}) {
    const std::string frame = with_id([id](PackedWriter& to) { to.natural(id); });
    const auto read = read_request(frame);
    ASSERT_TRUE(std::holds_alternative<Request>(read)) << id;
    EXPECT_EQ(std::get<Request>(read).id, id);
  }
  EXPECT_THAT(refusal(with_id([](PackedWriter& to) { to.natural(1ull << 63); }), 0), HasSubstr("2^63-1"));
  EXPECT_THAT(refusal(with_id([](PackedWriter& to) { to.integer(-1); }), 0), HasSubstr("id must be"));
  EXPECT_THAT(refusal(with_id([](PackedWriter& to) { to.str("7"); }), 0), HasSubstr("id must be"));
  EXPECT_THAT(refusal(with_id([](PackedWriter& to) { to.float64(7.5); }), 0), HasSubstr("id must be"));
  EXPECT_THAT(refusal(with_id([](PackedWriter& to) { to.nil(); }), 0), HasSubstr("id must be"));
}

TEST(Request, IsRefusedWithIdZeroWhereItIsTooBrokenToHaveOne) {
  EXPECT_NE(refusal("", 0), "");
  EXPECT_NE(refusal("\xc1", 0), "");
  EXPECT_NE(refusal("GET person1", 0), "");
  EXPECT_NE(refusal("\x80", 0), "");
  EXPECT_NE(refusal("\x90", 0), "");
  EXPECT_NE(refusal("\x91\x01", 0), "");
  EXPECT_NE(refusal("\x91\x01\x05", 0), "") << "a byte behind the array is no id";
}

TEST(Request, KeepsItsIdInTheRefusalWhereItHasOne) {
  const auto frame = [](auto write) { return packed(write); };
  EXPECT_THAT(refusal(frame([](PackedWriter& to) { to.array(4).natural(2).natural(7).str("PING").array(0); })),
              HasSubstr("version 2 is not spoken here"));
  EXPECT_THAT(refusal(frame([](PackedWriter& to) { to.array(4).str("one").natural(7).str("PING").array(0); })),
              HasSubstr("version must be an int"));
  EXPECT_THAT(refusal(frame([](PackedWriter& to) { to.array(4).natural(1).natural(7).str("FLY").array(0); })),
              HasSubstr("unknown command \"FLY\""));
  EXPECT_THAT(refusal(frame([](PackedWriter& to) { to.array(4).natural(1).natural(7).str("get").array(0); })),
              HasSubstr("unknown command \"get\"; commands are in upper case: GET"));
  EXPECT_THAT(refusal(frame([](PackedWriter& to) { to.array(4).natural(1).natural(7).natural(3).array(0); })),
              HasSubstr("command must be a str"));
  EXPECT_THAT(refusal(frame([](PackedWriter& to) { to.array(4).natural(1).natural(7).str("PING").boolean(true); })),
              HasSubstr("arguments must be an array"));
  EXPECT_THAT(refusal(frame([](PackedWriter& to) { to.array(4).natural(1).natural(7).str("PING").map(0); })),
              HasSubstr("arguments must be an array"));
  EXPECT_THAT(refusal(frame([](PackedWriter& to) { to.array(3).natural(1).natural(7).str("PING"); })),
              HasSubstr("4 or 5 elements"));
  EXPECT_THAT(
      refusal(frame([](PackedWriter& to) { to.array(6).natural(1).natural(7).str("PING").array(0).nil().nil(); })),
      HasSubstr("4 or 5 elements"));
  EXPECT_THAT(refusal(frame_of(Command::kPing, "\xc0") + "\x01"), HasSubstr("bytes after the request"));
}

TEST(Request, NamesOutsideBytesSoThatTheReplyStaysOneLineOfText) {
  const auto named = [](std::string_view name) {
    return refusal(packed([&](PackedWriter& to) { to.array(4).natural(1).natural(7).str(name).array(0); }));
  };
  EXPECT_THAT(named("A\nB"), HasSubstr("\"A\\nB\""));
  EXPECT_THAT(named("\xff\xfe"), HasSubstr("\\xff\\xfe"));
  EXPECT_LT(named(std::string(1 << 20, 'A')).size(), 200u);
  EXPECT_LT(named(std::string(63, 'A') + "\xce\xb1\xce\xb1").size(), 200u);
}

TEST(Request, IsRefusedAtEveryTruncation) {
  Options options;
  options.session = "session";
  options.seq = 300;
  options.if_version = 70'000;
  const std::string frame = pack_request(7, Command::kPut, put_arguments("a key"), options);
  EXPECT_EQ(refusal(frame), "");
  for_each_truncation(frame, [](const std::string& cut) {
    EXPECT_TRUE(std::holds_alternative<BadRequest>(read_request(cut))) << cut.size();
  });
}

TEST(Request, IsCheckedToItsDocumentsAmongAnyBytes) {
  std::string arguments = packed([](PackedWriter& to) {
    to.array(1).array(2).array(3).str("PUT").array(2).str("k").map(1).str("a").natural(1).map(1).str("if_absent");
    to.boolean(true).array(2).str("GET").array(1).str("k");
  });
  Options options;
  options.session = "session";
  const std::string frame = pack_request(7, Command::kBatch, arguments, options);
  for_each_mutation(frame, 50'000, 9, [](const std::string& bytes) {
    const auto read = read_request(bytes);
    if (const auto* bad = std::get_if<BadRequest>(&read)) {
      EXPECT_TRUE(is_utf8(bad->error.message));
      return;
    }
    const auto& request = std::get<Request>(read);
    const auto items = read_batch(request.arguments);
    if (!items) return;
    for (const BatchItem& item : *items) {
      EXPECT_TRUE(!item.error || is_utf8(item.error->message));
      if (item.error || item.command != Command::kPut) continue;
      const auto put = read_put(item.arguments);
      EXPECT_TRUE(put ? !!check_document(put->document) : is_utf8(put.error().message));
    }
  });
}

// ---- options ----

TEST(Options, ComeBackFromTheirPackedForm) {
  Options options;
  options.timeout = std::chrono::milliseconds(1);
  options.session = std::string_view("\0\xff", 2);
  options.seq = UINT64_MAX;
  options.floor = UINT64_MAX;
  options.if_version = 0;
  const std::string frame = pack_request(7, Command::kSet, put_arguments(), options);
  const auto read = read_request(frame);
  ASSERT_TRUE(std::holds_alternative<Request>(read));
  const Options& back = std::get<Request>(read).options;
  EXPECT_EQ(back.timeout, options.timeout);
  EXPECT_EQ(back.session, options.session);
  EXPECT_EQ(back.seq, options.seq);
  EXPECT_EQ(back.floor, options.floor);
  EXPECT_EQ(back.if_version, options.if_version);
  EXPECT_FALSE(back.if_absent);
}

TEST(Options, TimeoutIsAnIntFrom1To600000) {
  const auto with = [](auto write) {
    return refused_options(Command::kPing, [&](PackedWriter& to) { write(to.map(1).str("timeout_ms")); });
  };
  EXPECT_EQ(with([](PackedWriter& to) { to.natural(1); }), "");
  EXPECT_EQ(with([](PackedWriter& to) { to.natural(600'000); }), "");
  EXPECT_THAT(with([](PackedWriter& to) { to.natural(0); }), HasSubstr("1 to 600000"));
  EXPECT_THAT(with([](PackedWriter& to) { to.natural(600'001); }), HasSubstr("1 to 600000"));
  EXPECT_THAT(with([](PackedWriter& to) { to.natural(UINT64_MAX); }), HasSubstr("1 to 600000"));
  EXPECT_THAT(with([](PackedWriter& to) { to.integer(-1); }), HasSubstr("1 to 600000"));
  EXPECT_EQ(with([](PackedWriter& to) { to.float64(5); }), "") << "a whole float is an integer";
  EXPECT_THAT(with([](PackedWriter& to) { to.float64(5.5); }), HasSubstr("1 to 600000"));
  EXPECT_THAT(with([](PackedWriter& to) { to.nil(); }), HasSubstr("1 to 600000"));
}

TEST(Options, SessionHas1To64BytesAndComesWithASeq) {
  const auto with = [](auto write) { return refused_options(Command::kPut, write); };
  EXPECT_EQ(with([](PackedWriter& to) { to.map(2).str("session").str("s").str("seq").natural(0); }), "");
  EXPECT_EQ(with([](PackedWriter& to) { to.map(2).str("seq").natural(0).str("session").bin(std::string(64, '\xff')); }),
            "");
  EXPECT_THAT(with([](PackedWriter& to) { to.map(2).str("session").str("").str("seq").natural(0); }),
              HasSubstr("1 to 64 bytes"));
  EXPECT_THAT(with([](PackedWriter& to) { to.map(2).str("session").str(std::string(65, 's')).str("seq").natural(0); }),
              HasSubstr("1 to 64 bytes"));
  EXPECT_THAT(with([](PackedWriter& to) { to.map(2).str("session").natural(5).str("seq").natural(0); }),
              HasSubstr("bin or str"));
  EXPECT_THAT(with([](PackedWriter& to) { to.map(2).str("session").str("s").str("seq").integer(-1); }),
              HasSubstr("seq must be a uint"));
  EXPECT_THAT(with([](PackedWriter& to) { to.map(1).str("session").str("s"); }), HasSubstr("go together"));
  EXPECT_THAT(with([](PackedWriter& to) { to.map(1).str("seq").natural(1); }), HasSubstr("go together"));
}

TEST(Options, AFloorIsAUintUpToSeqAndComesWithASession) {
  const auto with = [](auto write) {
    return refused_options(Command::kPut, [&](PackedWriter& to) {
      write(to.map(3).str("session").str("s").str("floor"));  // It may stand in front of seq.
      to.str("seq").natural(5);
    });
  };
  EXPECT_EQ(with([](PackedWriter& to) { to.natural(0); }), "");
  EXPECT_EQ(with([](PackedWriter& to) { to.natural(5); }), "");
  EXPECT_THAT(with([](PackedWriter& to) { to.natural(6); }), HasSubstr("floor is 6 and seq 5"));
  EXPECT_THAT(with([](PackedWriter& to) { to.integer(-1); }), HasSubstr("floor must be a uint"));
  EXPECT_THAT(with([](PackedWriter& to) { to.nil(); }), HasSubstr("floor must be a uint"));
  const auto alone = [](PackedWriter& to) { to.map(1).str("floor").natural(1); };
  EXPECT_THAT(refused_options(Command::kPut, alone), HasSubstr("floor goes with session and seq"));
  EXPECT_THAT(refused_options(Command::kGet, alone), HasSubstr("does not belong to GET"));
}

TEST(Options, AllOfAWriteStandTogetherAndOneMoreIsRefused) {
  const auto with = [](std::size_t count, auto write) {
    return refused_options(Command::kPut, [&](PackedWriter& to) {
      to.map(count).str("timeout_ms").natural(1).str("session").str("s").str("seq").natural(1).str("floor").natural(1);
      to.str("if_absent").boolean(false).str("if_version").natural(1);
      write(to);
    });
  };
  EXPECT_EQ(with(6, [](PackedWriter&) {}), "");
  EXPECT_THAT(with(7, [](PackedWriter& to) { to.str("floor").natural(1); }), HasSubstr("stands twice"));
  EXPECT_THAT(with(7, [](PackedWriter& to) { to.str("more").natural(1); }), HasSubstr("unknown option"));
}

TEST(Options, ConditionsExcludeEachOther) {
  const auto both = [](bool if_absent) {
    return refused_options(Command::kPut, [&](PackedWriter& to) {
      to.map(2).str("if_absent").boolean(if_absent).str("if_version").natural(3);
    });
  };
  EXPECT_THAT(both(true), HasSubstr("exclude each other"));
  EXPECT_EQ(both(false), "") << "if_absent: false asks nothing";
  EXPECT_THAT(refused_options(Command::kPut, [](PackedWriter& to) { to.map(1).str("if_absent").natural(1); }),
              HasSubstr("must be a bool"));
  EXPECT_THAT(refused_options(Command::kPut, [](PackedWriter& to) { to.map(1).str("if_version").integer(-1); }),
              HasSubstr("must be a uint"));
}

TEST(Options, ConsistencyIsLinearizableOrStale) {
  const auto with = [](std::string_view value) {
    return refused_options(Command::kGet, [&](PackedWriter& to) { to.map(1).str("consistency").str(value); });
  };
  EXPECT_EQ(with("stale"), "");
  EXPECT_EQ(with("linearizable"), "");
  EXPECT_THAT(with("eventual"), HasSubstr("\"linearizable\" or \"stale\""));
  EXPECT_NE(with(""), "");
}

TEST(Options, AreRefusedWhereTheyDoNotBelong) {
  const auto allowed = [](std::string_view option, Command command) {
    const bool patch = command == Command::kPatch;
    const bool put = command == Command::kPut || command == Command::kSet || patch;
    if (option == "timeout_ms") return true;
    if (option == "if_absent" || option == "if_present") return put;
    if (option == "strict") return patch;
    if (option == "ttl_ms") return put;
    if (option == "if_version") return put || command == Command::kDelete || command == Command::kExpire;
    if (option == "session") {
      const bool changes_users = is_about_access(command) && row_of(command).result == ResultType::kBoolean;
      return is_write(command) || command == Command::kBatch || changes_users;
    }
    return command == Command::kGet || command == Command::kHas || command == Command::kTtl ||
           command == Command::kQuery || command == Command::kCompute || command == Command::kKeys ||
           command == Command::kScan || command == Command::kCount;
  };
  const std::vector<std::pair<std::string, std::string>> options = {
      {"timeout_ms", packed([](PackedWriter& to) { to.map(1).str("timeout_ms").natural(5); })},
      {"consistency", packed([](PackedWriter& to) { to.map(1).str("consistency").str("stale"); })},
      {"session", packed([](PackedWriter& to) { to.map(2).str("session").str("s").str("seq").natural(1); })},
      {"if_absent", packed([](PackedWriter& to) { to.map(1).str("if_absent").boolean(true); })},
      {"if_present", packed([](PackedWriter& to) { to.map(1).str("if_present").boolean(true); })},
      {"strict", packed([](PackedWriter& to) { to.map(1).str("strict").boolean(true); })},
      {"ttl_ms", packed([](PackedWriter& to) { to.map(1).str("ttl_ms").natural(1); })},
      {"if_version", packed([](PackedWriter& to) { to.map(1).str("if_version").natural(1); })}};
  for (const Command command : all_commands()) {
    for (const auto& [name, option] : options) {
      const std::string refused = refusal(frame_of(command, option));
      SCOPED_TRACE(std::string(name_of(command)) + " with " + name);
      if (allowed(name, command)) {
        EXPECT_EQ(refused, "");
      } else {
        EXPECT_THAT(refused, HasSubstr("\"" + name + "\" does not belong to " + std::string(name_of(command))));
      }
    }
  }
}

TEST(Options, AreRefusedWhereUnknownDoubledOrNoMap) {
  EXPECT_THAT(refused_options(Command::kGet, [](PackedWriter& to) { to.map(1).str("timeout").natural(1); }),
              HasSubstr("unknown option \"timeout\"; known are timeout_ms"));
  EXPECT_THAT(refused_options(Command::kGet, [](PackedWriter& to) { to.map(1).str("\xff").natural(1); }),
              HasSubstr("\\xff"));
  EXPECT_THAT(
      refused_options(Command::kGet,
                      [](PackedWriter& to) { to.map(2).str("timeout_ms").natural(1).str("timeout_ms").natural(1); }),
      HasSubstr("stands twice"));
  EXPECT_THAT(refused_options(Command::kGet, [](PackedWriter& to) { to.map(1).natural(1).natural(1); }),
              HasSubstr("keys of options must be str"));
  EXPECT_THAT(refused_options(Command::kGet, [](PackedWriter& to) { to.array(1).nil(); }), HasSubstr("map or nil"));
}

// ---- arguments ----

TEST(Key, Has1To4096BytesOfAnyKind) {
  const auto with = [](auto write) {
    const std::string arguments = packed([&](PackedWriter& to) { write(to.array(1)); });
    return refusal(read_key(arguments));
  };
  EXPECT_EQ(with([](PackedWriter& to) { to.str("k"); }), "");
  EXPECT_EQ(with([](PackedWriter& to) { to.bin("\xff"); }), "");
  EXPECT_EQ(with([](PackedWriter& to) { to.str("\xff"); }), "") << "any bytes are a key";
  EXPECT_EQ(with([](PackedWriter& to) { to.str(std::string(kKeySizeMax, 'k')); }), "");
  EXPECT_THAT(with([](PackedWriter& to) { to.str(std::string(kKeySizeMax + 1, 'k')); }), HasSubstr("has 4097"));
  EXPECT_THAT(with([](PackedWriter& to) { to.str(""); }), HasSubstr("1 to 4096 bytes"));
  EXPECT_THAT(with([](PackedWriter& to) { to.natural(1); }), HasSubstr("must be str or bin"));
  EXPECT_NE(refusal(read_key(no_arguments())), "");
  EXPECT_NE(refusal(read_key(put_arguments())), "") << "one argument too many";
}

TEST(PutArguments, AreAKeyAndACheckedDocument) {
  const std::string arguments = put_arguments("person1");
  const auto put = read_put(arguments);
  ASSERT_TRUE(put);
  EXPECT_EQ(put->key, "person1");
  EXPECT_EQ(put->document, "\x01");
  EXPECT_NE(refusal(read_put(key_arguments())), "");
  EXPECT_THAT(refusal(read_put(packed([](PackedWriter& to) { to.array(2).str("k").str("\xff"); }))),
              HasSubstr("no UTF-8"));
  EXPECT_NE(refusal(read_put(packed([](PackedWriter& to) { to.array(3).str("k").nil().nil(); }))), "");
  EXPECT_NE(refusal(read_put(packed([](PackedWriter& to) { to.array(2).str("").nil(); }))), "");
}

TEST(QueryArguments, AreAKeyAndThenNamesAndPositions) {
  const auto path = [](auto write) {
    std::string arguments = packed([&](PackedWriter& to) { write(to.array(1)); });
    return arguments;
  };
  const std::string good =
      path([](PackedWriter& to) { to.array(4).bin("k").str("list").natural(0).natural(UINT64_MAX); });
  const auto query = read_query(good);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->key, "k");
  EXPECT_EQ(query->path, (Path{"list", std::uint64_t{0}, UINT64_MAX}));
  EXPECT_TRUE(read_query(path([](PackedWriter& to) { to.array(1).str("k"); })));
  EXPECT_NE(refusal(read_query(path([](PackedWriter& to) { to.array(0); }))), "");
  EXPECT_NE(refusal(read_query(path([](PackedWriter& to) { to.str("k"); }))), "");
  EXPECT_NE(refusal(read_query(path([](PackedWriter& to) { to.array(2).natural(1).str("name"); }))), "");
  EXPECT_THAT(refusal(read_query(path([](PackedWriter& to) { to.array(2).str("k").integer(-1); }))),
              HasSubstr("str or an int from 0"));
  EXPECT_NE(refusal(read_query(path([](PackedWriter& to) { to.array(2).str("k").float64(1.5); }))), "");
  EXPECT_NE(refusal(read_query(path([](PackedWriter& to) { to.array(2).str("k").bin("\xff"); }))), "");
}

TEST(QueryArguments, HoldNoMoreOfALongPathThanLeadsSomewhere) {
  const std::string arguments = packed([](PackedWriter& to) {
    to.array(1).array(1'000'001).str("k");
    for (int i = 0; i < 1'000'000; ++i) to.natural(0);
  });
  const auto query = read_query(arguments);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->path.size(), 129u);
  // The deepest document there can be ends one level above.
  const std::string deepest = std::string(kNestingMax, '\x91') + '\x01';
  EXPECT_FALSE(walk(deepest, query->path));
  EXPECT_EQ(walk(deepest, Path(kNestingMax, std::uint64_t{0})), "\x01");
}

TEST(ComputeArguments, AreAnExpressionAndItsVariables) {
  const std::string good = packed([](PackedWriter& to) {
    to.array(2).str("x+y").map(2).str("x").array(2).str("k").str("n").str("y").array(1).str("j");
  });
  const auto compute = read_compute(good);
  ASSERT_TRUE(compute);
  EXPECT_EQ(compute->expression, "x+y");
  ASSERT_EQ(compute->variables.size(), 2u);
  EXPECT_EQ(compute->variables[0].name, "x");
  EXPECT_EQ(compute->variables[0].query.key, "k");
  EXPECT_EQ(compute->variables[0].packed_path, packed([](PackedWriter& to) { to.array(2).str("k").str("n"); }));
  EXPECT_TRUE(read_compute(packed([](PackedWriter& to) { to.array(1).str("1+1"); })));
  EXPECT_TRUE(read_compute(packed([](PackedWriter& to) { to.array(2).str("1+1").nil(); })));
}

TEST(ComputeArguments, AreRefusedWhereTheyAreWrong) {
  const auto with = [](auto write) {
    const std::string arguments = packed([&](PackedWriter& to) { write(to.array(2)); });
    return refusal(read_compute(arguments));
  };
  EXPECT_EQ(with([](PackedWriter& to) { to.str(std::string(kExpressionSizeMax, '1')).map(0); }), "");
  EXPECT_THAT(with([](PackedWriter& to) { to.str(std::string(kExpressionSizeMax + 1, '1')).map(0); }),
              HasSubstr("4097 bytes, at most 4096"));
  EXPECT_NE(with([](PackedWriter& to) { to.natural(1).map(0); }), "");
  EXPECT_EQ(with([](PackedWriter& to) { to.str("x").array(0); }), "") << "an empty array is an empty map";
  EXPECT_NE(with([](PackedWriter& to) { to.str("x").array(1).nil(); }), "");
  EXPECT_NE(with([](PackedWriter& to) { to.str("x").map(1).natural(1).array(1).str("k"); }), "");
  EXPECT_NE(with([](PackedWriter& to) { to.str("x").map(1).str("x").array(0); }), "");
  EXPECT_NE(with([](PackedWriter& to) { to.str("x").map(1).str("x").str("k"); }), "");
  EXPECT_THAT(with([](PackedWriter& to) { to.str("x").map(2).str("x").array(1).str("k").str("x").array(1).str("k"); }),
              HasSubstr("\"x\" stands twice"));
  EXPECT_NE(refusal(read_compute(no_arguments())), "");
}

TEST(PageArguments, HaveDefaultsFromTheLastOn) {
  const auto all = read_page(no_arguments());
  ASSERT_TRUE(all);
  EXPECT_EQ(all->prefix, "");
  EXPECT_EQ(all->limit, 1000u);
  EXPECT_FALSE(all->after);
  const std::string full = packed([](PackedWriter& to) { to.array(3).bin("p").natural(5).str("pa"); });
  const auto page = read_page(full);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->prefix, "p");
  EXPECT_EQ(page->limit, 5u);
  EXPECT_EQ(page->after, "pa");
  EXPECT_FALSE(read_page(packed([](PackedWriter& to) { to.array(3).str("").natural(1).nil(); }))->after);
}

TEST(PageArguments, LimitIsFrom1To10000) {
  const auto with = [](auto write) {
    const std::string arguments = packed([&](PackedWriter& to) { write(to.array(2).str("")); });
    return refusal(read_page(arguments));
  };
  EXPECT_EQ(with([](PackedWriter& to) { to.natural(1); }), "");
  EXPECT_EQ(with([](PackedWriter& to) { to.natural(10'000); }), "");
  EXPECT_THAT(with([](PackedWriter& to) { to.natural(0); }), HasSubstr("1 to 10000"));
  EXPECT_THAT(with([](PackedWriter& to) { to.natural(10'001); }), HasSubstr("1 to 10000"));
  EXPECT_THAT(with([](PackedWriter& to) { to.integer(-5); }), HasSubstr("1 to 10000"));
  EXPECT_THAT(with([](PackedWriter& to) { to.nil(); }), HasSubstr("1 to 10000"));
}

TEST(PageArguments, AreRefusedWhereTheyAreWrong) {
  EXPECT_NE(refusal(read_page(packed([](PackedWriter& to) { to.array(1).natural(1); }))), "");
  EXPECT_NE(refusal(read_page(packed([](PackedWriter& to) { to.array(3).str("").natural(1).natural(1); }))), "");
  EXPECT_NE(refusal(read_page(packed([](PackedWriter& to) { to.array(4).str("").natural(1).nil().nil(); }))), "");
  EXPECT_NE(refusal(read_count(packed([](PackedWriter& to) { to.array(2).str("").natural(1); }))), "");
  EXPECT_NE(refusal(read_count(packed([](PackedWriter& to) { to.array(1).nil(); }))), "");
  EXPECT_TRUE(read_count(no_arguments()));
}

TEST(NoArguments, MeansNone) {
  EXPECT_TRUE(read_nothing(no_arguments()));
  EXPECT_NE(refusal(read_nothing(key_arguments())), "");
}

// ---- BATCH ----

std::string batch_of(std::initializer_list<std::string> items) {
  return packed([&](PackedWriter& to) {
    to.array(1).array(items.size());
    for (const std::string& item : items) to.packed(item);
  });
}

/// The error of the only item of a batch; empty where it is good.
template <typename Write>
std::string refused_item(Write write) {
  const std::string arguments = batch_of({packed(write)});
  const auto items = read_batch(arguments);
  if (!items || items->size() != 1) return "the batch as a whole is refused";
  const auto& error = items->front().error;
  if (error) {
    EXPECT_EQ(error->code, Code::kInvalidArgument);
  }
  return error ? error->message : "";
}

TEST(Batch, ReadsItsItemsInOrder) {
  const std::string arguments = batch_of(
      {packed([](PackedWriter& to) { to.array(2).str("GET").array(1).str("a"); }), packed([](PackedWriter& to) {
         to.array(3).str("DELETE").array(1).str("b").map(1).str("if_version").natural(4);
       })});
  const auto items = read_batch(arguments);
  ASSERT_TRUE(items);
  ASSERT_EQ(items->size(), 2u);
  EXPECT_EQ((*items)[0].command, Command::kGet);
  EXPECT_EQ((*items)[0].index, 0u);
  EXPECT_EQ((*items)[0].arguments, key_arguments("a"));
  EXPECT_EQ((*items)[1].command, Command::kDelete);
  EXPECT_EQ((*items)[1].index, 1u);
  EXPECT_EQ((*items)[1].options.if_version, 4u);
  EXPECT_FALSE((*items)[1].error);
}

TEST(Batch, HasUpTo10000Items) {
  const auto of = [](std::size_t count) {
    return packed([count](PackedWriter& to) {
      to.array(1).array(count);
      for (std::size_t i = 0; i < count; ++i) to.array(2).str("GET").array(1).str("k");
    });
  };
  EXPECT_EQ(read_batch(of(0))->size(), 0u);
  EXPECT_EQ(read_batch(of(10'000))->size(), 10'000u);
  EXPECT_THAT(refusal(read_batch(of(10'001))), HasSubstr("at most 10000 items, this one has 10001"));
  EXPECT_NE(refusal(read_batch(std::string("\x91\xdd\xff\xff\xff\xff", 6))), "") << "a forged count";
  EXPECT_NE(refusal(read_batch(no_arguments())), "");
  EXPECT_NE(refusal(read_batch(key_arguments())), "");
}

TEST(Batch, TakesTheCommandsOnOneKeyAndNoOthers) {
  for (const Command command : all_commands()) {
    const std::string error =
        refused_item([&](PackedWriter& to) { to.array(2).str(name_of(command)).packed(arguments_of(command)); });
    EXPECT_EQ(error.empty(), is_on_one_key(command)) << name_of(command) << ": " << error;
  }
  EXPECT_THAT(refused_item([](PackedWriter& to) { to.array(2).str("SCAN").array(0); }),
              HasSubstr("\"SCAN\" cannot stand in a BATCH"));
}

TEST(Batch, GivesABadItemItsOwnErrorAndReadsTheOthers) {
  const std::string arguments = batch_of({packed([](PackedWriter& to) { to.str("no array"); }),
                                          packed([](PackedWriter& to) { to.array(1).str("GET"); }),
                                          packed([](PackedWriter& to) { to.array(2).natural(1).array(0); }),
                                          packed([](PackedWriter& to) { to.array(4).str("GET").array(0).nil().nil(); }),
                                          packed([](PackedWriter& to) { to.array(3).str("GET").array(0).natural(1); }),
                                          packed([](PackedWriter& to) { to.array(2).str("GET").array(1).str("k"); })});
  const auto items = read_batch(arguments);
  ASSERT_TRUE(items);
  ASSERT_EQ(items->size(), 6u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_TRUE((*items)[i].error) << i;
  EXPECT_FALSE((*items)[5].error);
}

TEST(Batch, ItemsHaveConditionsAndConsistencyButNeitherSessionNorTimeout) {
  const auto with = [](std::string_view command, auto write) {
    return refused_item([&](PackedWriter& to) {
      to.array(3).str(command).packed(arguments_of(*command_of(command)));
      write(to);
    });
  };
  EXPECT_EQ(with("GET", [](PackedWriter& to) { to.map(1).str("consistency").str("stale"); }), "");
  EXPECT_EQ(with("GET", [](PackedWriter& to) { to.nil(); }), "");
  EXPECT_EQ(with("PUT", [](PackedWriter& to) { to.map(1).str("if_absent").boolean(true); }), "");
  EXPECT_THAT(with("PUT", [](PackedWriter& to) { to.map(1).str("consistency").str("stale"); }),
              HasSubstr("does not belong to PUT"));
  EXPECT_THAT(with("GET", [](PackedWriter& to) { to.map(1).str("if_absent").boolean(true); }),
              HasSubstr("does not belong to GET"));
  EXPECT_THAT(with("PUT", [](PackedWriter& to) { to.map(2).str("session").str("s").str("seq").natural(1); }),
              HasSubstr("belongs to the BATCH"));
  EXPECT_THAT(with("PUT", [](PackedWriter& to) { to.map(1).str("seq").natural(1); }),
              HasSubstr("belongs to the BATCH"));
  EXPECT_THAT(with("GET", [](PackedWriter& to) { to.map(1).str("timeout_ms").natural(1); }),
              HasSubstr("belongs to the BATCH"));
  EXPECT_THAT(with("GET", [](PackedWriter& to) { to.map(1).str("color").natural(1); }), HasSubstr("unknown option"));
}

TEST(IndexedBatch, BringsThePositionsInTheClientsBatch) {
  const std::string good = packed([](PackedWriter& to) {
    to.array(2).array(3).natural(4).str("GET").array(1).str("a");
    to.array(4).natural(9'999).str("PUT").packed(put_arguments()).map(1).str("if_absent").boolean(true);
  });
  const auto items = read_indexed_batch(good);
  ASSERT_TRUE(items);
  EXPECT_EQ((*items)[0].index, 4u);
  EXPECT_EQ((*items)[1].index, 9'999u);
  EXPECT_TRUE((*items)[1].options.if_absent);
  EXPECT_NE(refusal(read_indexed_batch(
                packed([](PackedWriter& to) { to.array(1).array(3).natural(10'000).str("GET").array(1).str("a"); }))),
            "");
  EXPECT_NE(refusal(read_indexed_batch(good + '\x01')), "");
  for_each_truncation(good, [](const std::string& cut) { EXPECT_FALSE(read_indexed_batch(cut)) << cut.size(); });
}

// ---- routing ----

TEST(RoutingKey, IsFoundWithoutReadingWhatFollows) {
  for (const Command command : all_commands()) {
    if (!is_on_one_key(command) && command != Command::kLocate) continue;
    const std::string arguments = arguments_of(command);
    const auto key = read_routing_key(command, arguments);
    ASSERT_TRUE(key) << name_of(command);
    EXPECT_EQ(*key, "k");
  }
  EXPECT_NE(refusal(read_routing_key(Command::kPut, key_arguments())), "") << "a PUT without a document";
  EXPECT_NE(refusal(read_routing_key(Command::kGet, no_arguments())), "");
  EXPECT_NE(refusal(read_routing_key(Command::kGet, key_arguments(""))), "");
  EXPECT_NE(refusal(read_routing_key(Command::kQuery, key_arguments())), "") << "a path that is no array";
}

TEST(PathText, IsAsPeopleTypeIt) {
  EXPECT_EQ(to_text("person2", {"address", "number"}), "person2.address.number");
  EXPECT_EQ(to_text("my.key", {"sub"}), "\"my.key\".sub");
  EXPECT_EQ(to_text("k", {std::uint64_t{0}, "0", "a b"}), "k.0.\"0\".\"a b\"");
}

}  // namespace
}  // namespace trellis
