#include "protocol/document.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/limits.hpp"
#include "protocol/packed.hpp"
#include "tests/unit/protocol/mutations.hpp"
#include "tests/unit/protocol/random_document.hpp"

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

/// The message with which a document is refused; empty where it is taken.
std::string refusal(std::string_view document) {
  const auto checked = check_document(document);
  if (checked) return "";
  EXPECT_EQ(checked.error().code, Code::kInvalidArgument);
  EXPECT_TRUE(is_utf8(checked.error().message));
  EXPECT_EQ(checked.error().message.find('\n'), std::string::npos);
  return checked.error().message;
}

/// Whether `bytes` are one value and nothing else, for a reader that passes over values without looking into them.
bool is_one_value(std::string_view bytes) {
  PackedReader reader(bytes);
  return reader.read_value() && reader.at_end();
}

std::string nested(int levels, char array_head = '\x91') { return std::string(levels, array_head) + '\x01'; }

/// { name: "Mary", address: { street: "Panepistimiou", number: 12 }, tags: [ "a", { 7: true } ], 0: "zero" }
std::string person() {
  return packed([](PackedWriter& to) {
    to.map(4)
        .str("name")
        .str("Mary")
        .str("address")
        .map(2)
        .str("street")
        .str("Panepistimiou")
        .str("number")
        .natural(12);
    to.str("tags").array(2).str("a").map(1).str("7").boolean(true).str("0").str("zero");
  });
}

TEST(CheckDocument, TakesEveryTypeOfTheContract) {
  EXPECT_EQ(refusal(packed([](PackedWriter& to) { to.nil(); })), "");
  EXPECT_EQ(refusal(packed([](PackedWriter& to) { to.boolean(false); })), "");
  EXPECT_EQ(refusal(packed([](PackedWriter& to) { to.integer(INT64_MIN); })), "");
  EXPECT_EQ(refusal(packed([](PackedWriter& to) { to.natural(UINT64_MAX); })), "");
  EXPECT_EQ(refusal(packed([](PackedWriter& to) { to.float32(1.5F); })), "");
  EXPECT_EQ(refusal(packed([](PackedWriter& to) { to.float64(0.1); })), "");
  EXPECT_EQ(refusal(packed([](PackedWriter& to) { to.str("\xce\xb1"); })), "");
  EXPECT_EQ(refusal(packed([](PackedWriter& to) { to.bin("\xff\xfe"); })), "");
  EXPECT_EQ(refusal(packed([](PackedWriter& to) { to.array(0); })), "");
  EXPECT_EQ(refusal(packed([](PackedWriter& to) { to.map(0); })), "");
  EXPECT_EQ(refusal(person()), "");
}

TEST(CheckDocument, TakesWhatTheGeneratorOfRandomDocumentsMakes) {
  testing::RandomDocuments documents(11);
  for (int i = 0; i < 2'000; ++i) ASSERT_EQ(refusal(documents.next()), "") << i;
}

TEST(CheckDocument, RefusesExtTypes) {
  EXPECT_THAT(refusal(std::string("\xd4\x01\x00", 3)), HasSubstr("ext"));
  EXPECT_THAT(refusal(std::string("\x91\xd6\xff\x00\x00\x00\x00", 7)),
              HasSubstr("document, at .0: ext type -1 (a timestamp) cannot be stored; pack it as number or str"));
}

TEST(CheckDocument, RefusesInvalidUtf8InStrAndKeys) {
  EXPECT_THAT(refusal(packed([](PackedWriter& to) { to.str("\xff"); })), HasSubstr("no UTF-8"));
  EXPECT_THAT(refusal(packed([](PackedWriter& to) { to.map(1).str("\xc0\xaf").nil(); })), HasSubstr("map key"));
}

TEST(CheckDocument, RefusesMapKeysThatAreNoStr) {
  EXPECT_THAT(refusal(packed([](PackedWriter& to) { to.map(1).natural(1).nil(); })),
              HasSubstr("a map's key is the int 1;"));
  EXPECT_THAT(refusal(packed([](PackedWriter& to) { to.map(1).bin("a").nil(); })),
              HasSubstr("a map's key is the bytes \"a\";"));
  EXPECT_THAT(refusal(packed([](PackedWriter& to) { to.map(1).array(0).nil(); })), HasSubstr("a map's key is a list;"));
}

TEST(CheckDocument, RefusesAKeyTwiceInOneMapAndNamesIt) {
  const auto twice = packed([](PackedWriter& to) { to.map(2).str("a").nil().str("a").nil(); });
  EXPECT_THAT(refusal(twice), HasSubstr("\"a\" twice in one map at byte 5"));
  const auto inner = packed([](PackedWriter& to) { to.array(1).map(3).str("b").nil().str("a").nil().str("b").nil(); });
  EXPECT_THAT(refusal(inner), HasSubstr("\"b\" twice"));
  // The same key at different levels, and in sister maps, is no double.
  EXPECT_EQ(refusal(packed([](PackedWriter& to) { to.map(1).str("a").map(1).str("a").nil(); })), "");
  EXPECT_EQ(refusal(packed([](PackedWriter& to) { to.array(2).map(1).str("a").nil().map(1).str("a").nil(); })), "");
  // A key packed in a longer form than it needs is the same key.
  EXPECT_THAT(refusal(std::string("\x82\xa1\x61\xc0\xd9\x01\x61\xc0", 8)), HasSubstr("twice"));
}

TEST(CheckDocument, FindsADoubleAmongManyKeys) {
  for (const int keys : {15, 16, 17, 1'000, 100'000}) {
    const auto map = [keys](const std::string& last) {
      return packed([&](PackedWriter& to) {
        to.map(static_cast<std::size_t>(keys));
        for (int i = 1; i < keys; ++i) to.str("key" + std::to_string(i)).natural(1);
        to.str(last).nil();
      });
    };
    EXPECT_EQ(refusal(map("another")), "") << keys;
    EXPECT_THAT(refusal(map("key7")), HasSubstr("\"key7\" twice")) << keys;
  }
}

TEST(CheckDocument, TellsOfAKeyInOneLineWhateverItHolds) {
  const auto twice = packed([](PackedWriter& to) { to.map(2).str("a\n\x1b\"").nil().str("a\n\x1b\"").nil(); });
  EXPECT_THAT(refusal(twice), HasSubstr("twice in one map"));
  const std::string long_key(100'000, 'k');
  EXPECT_LT(refusal(packed([&](PackedWriter& to) { to.map(2).str(long_key).nil().str(long_key).nil(); })).size(), 200u);
}

TEST(CheckDocument, RefusesNestingBeyond128Levels) {
  EXPECT_EQ(refusal(nested(kNestingMax)), "");
  EXPECT_THAT(refusal(nested(kNestingMax + 1)), HasSubstr("deeper than 128"));
  EXPECT_THAT(refusal(nested(1'000'000)), HasSubstr("deeper than 128"));
  std::string maps;
  for (int i = 0; i < kNestingMax; ++i) maps += "\x81\xa1k";
  EXPECT_EQ(refusal(maps + '\x80').find("deeper") != std::string::npos, true) << "an empty map is a level too";
  EXPECT_EQ(refusal(maps + '\x01'), "");
}

TEST(CheckDocument, FindsTheKeyThatStandsTwiceInALargeMap) {
  for (const std::uint64_t twice : {0, 777, 9'998}) {
    std::string document;
    PackedWriter writer(document);
    writer.map(10'000);
    for (std::uint64_t i = 0; i < 9'999; ++i) writer.str("key" + std::to_string(i)).nil();
    const std::size_t place = document.size();
    writer.str("key" + std::to_string(twice)).nil();
    EXPECT_THAT(refusal(document), HasSubstr("the key \"key" + std::to_string(twice) + "\" twice in one map at byte " +
                                             std::to_string(place + 1)));
  }
}

TEST(CheckDocument, RefusesMoreThan16MiB) {
  constexpr std::size_t kHead = 5;  // bin32
  const auto of_size = [](std::size_t size) {
    return packed([&](PackedWriter& to) { to.bin(std::string(size - kHead, 'x')); });
  };
  ASSERT_EQ(of_size(kDocumentSizeMax).size(), kDocumentSizeMax);
  EXPECT_EQ(refusal(of_size(kDocumentSizeMax)), "");
  EXPECT_THAT(refusal(of_size(kDocumentSizeMax + 1)), HasSubstr("16777217 bytes, at most 16777216"));
}

TEST(CheckDocument, RefusesBytesAfterTheValueAndValuesThatAreNotWhole) {
  EXPECT_THAT(refusal(std::string("\x01\x02")), HasSubstr("bytes after the value at byte 1"));
  EXPECT_THAT(refusal(""), HasSubstr("no whole MessagePack value"));
  EXPECT_THAT(refusal("\xc1"), HasSubstr("no whole MessagePack value"));
  EXPECT_THAT(refusal(std::string("\xdf\xff\xff\xff\xff", 5)), HasSubstr("no whole"));
  EXPECT_THAT(refusal(std::string("\xdd\xff\xff\xff\xff\x01", 6)), HasSubstr("no whole"));
  for_each_truncation(person(), [](const std::string& cut) { EXPECT_NE(refusal(cut), "") << cut.size(); });
}

TEST(CheckDocument, TakesWholeValuesAmongAnyBytesAndSaysWhatIsWrongWithTheRest) {
  constexpr std::size_t kMutations = 20'000;
  std::size_t taken = 0;
  for_each_mutation(person(), kMutations, 5, [&taken](const std::string& bytes) {
    if (!refusal(bytes).empty()) return;
    EXPECT_TRUE(is_one_value(bytes));
    ++taken;
  });
  EXPECT_GT(taken, kMutations / 100);
  EXPECT_LT(taken, kMutations);
}

std::string at(const std::string& document, const Path& path) {
  return std::string(walk(document, path).value_or("nothing"));
}

TEST(Walk, FindsWhatIsThere) {
  const std::string document = person();
  EXPECT_EQ(at(document, {}), document);
  EXPECT_EQ(at(document, {"name"}), packed([](PackedWriter& to) { to.str("Mary"); }));
  EXPECT_EQ(at(document, {"address", "number"}), "\x0c");
  EXPECT_EQ(at(document, {"tags", std::uint64_t{0}}), packed([](PackedWriter& to) { to.str("a"); }));
  EXPECT_EQ(at(document, {"tags", std::uint64_t{1}, "7"}), "\xc3");
}

TEST(Walk, TakesAnIntOnAMapForTheKeyWithThoseDigits) {
  const std::string document = person();
  EXPECT_EQ(at(document, {std::uint64_t{0}}), packed([](PackedWriter& to) { to.str("zero"); }));
  EXPECT_EQ(at(document, {"tags", std::uint64_t{1}, std::uint64_t{7}}), "\xc3");
  EXPECT_EQ(at(packed([](PackedWriter& to) { to.map(1).str("18446744073709551615").nil(); }), {UINT64_MAX}), "\xc0");
  EXPECT_EQ(at(packed([](PackedWriter& to) { to.map(1).str("07").nil(); }), {std::uint64_t{7}}), "nothing");
}

TEST(Walk, FindsNothingWhereThePathLeadsNowhere) {
  const std::string document = person();
  EXPECT_EQ(at(document, {"nobody"}), "nothing");
  EXPECT_EQ(at(document, {"name", "first"}), "nothing") << "a string has no parts";
  EXPECT_EQ(at(document, {"name", std::uint64_t{0}}), "nothing");
  EXPECT_EQ(at(document, {"tags", "0"}), "nothing") << "a quoted 0 is a key, and an array has none";
  EXPECT_EQ(at(document, {"tags", std::uint64_t{2}}), "nothing");
  EXPECT_EQ(at(document, {"address", "number", "digit"}), "nothing");
  EXPECT_EQ(at("", {"a"}), "nothing");
}

TEST(Walk, FindsAPartOfTheDocumentOrNothingInBytesThatWereNotChecked) {
  const std::vector<Path> paths = {{"tags", std::uint64_t{1}, "7"}, {"address", "number"}};
  std::size_t found = 0;
  for_each_mutation(person(), 10'000, 7, [&](const std::string& bytes) {
    for (const Path& path : paths) {
      const auto part = walk(bytes, path);
      if (!part || part->empty()) continue;  // Empty: the value there is cut off.
      EXPECT_GE(part->data(), bytes.data());
      EXPECT_LE(part->data() + part->size(), bytes.data() + bytes.size());
      EXPECT_TRUE(is_one_value(*part));
      ++found;
    }
  });
  EXPECT_GT(found, 0u);
}

TEST(DescribeType, NamesEachForPeople) {
  EXPECT_EQ(describe_type(packed([](PackedWriter& to) { to.map(0); })), "a map");
  EXPECT_EQ(describe_type(packed([](PackedWriter& to) { to.str("x"); })), "a string");
  EXPECT_EQ(describe_type(packed([](PackedWriter& to) { to.boolean(true); })), "a boolean");
  EXPECT_EQ(describe_type(""), "nothing");
}

TEST(CheckDocument, SaysWhereAndWhatWouldBeRight) {
  EXPECT_EQ(refusal(std::string("\x81\xa1x\xd6\xff\x00\x00\x00\x00", 9)),
            "document, at .x: ext type -1 (a timestamp) cannot be stored; pack it as number or str");
  EXPECT_EQ(refusal(std::string("\xc7\x01\x05\x00", 4)),
            "document: ext type 5 cannot be stored; pack it as bin, str or what it stands for");
  EXPECT_EQ(refusal("\x81\xcd\x07\xe8\x01"), "document: a map's key is the int 2024; keys are str");
  EXPECT_EQ(refusal("\x81\xa1x\x92\x01\x81\xff\x01"), "document, at .x.1: a map's key is the int -1; keys are str");
  EXPECT_EQ(refusal(std::string("\x81\xc4\x01k\x01")), "document: a map's key is the bytes \"k\"; keys are str");
  EXPECT_EQ(refusal("\x81\xc0\x01"), "document: a map's key is null; keys are str");
  EXPECT_EQ(refusal("\x81\xa3"
                    "a.b\x91\xa1\xff"),
            "document, at .\"a.b\".0: a str that is no UTF-8; pack bytes as bin");
}

TEST(Walk, ADeadEndSaysWhichStepMeetsWhat) {
  const std::string document = "\x82\xa4list\x92\x0a\x14\xa4name\xa1x";  // {"list": [10, 20], "name": "x"}
  const auto why = [&](const Path& path) {
    const auto end = follow(document, path);
    EXPECT_TRUE(std::holds_alternative<DeadEnd>(end));
    return to_text(std::get<DeadEnd>(end), path);
  };
  const std::string nothing = "nothing at this path: ";
  EXPECT_EQ(why({"list", "1"}), nothing + "step 2, the str \"1\", meets an array; positions are ints");
  EXPECT_EQ(why({"list", std::uint64_t{2}}),
            nothing + "step 2, the position 2, is beyond the end: the array there has 2 elements");
  EXPECT_EQ(why({"name", "a"}), nothing + "step 2, the str \"a\", meets a string");
  EXPECT_EQ(why({"nobody"}), nothing + "step 1, the str \"nobody\", is no key of the map there");
}

}  // namespace
}  // namespace trellis
