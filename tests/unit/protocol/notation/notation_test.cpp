#include "protocol/notation/notation.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>

#include "protocol/command.hpp"
#include "protocol/document.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"
#include "tests/unit/protocol/random_document.hpp"

namespace trellis {
namespace {

std::string packed(const std::function<void(PackedWriter&)>& write) {
  std::string out;
  PackedWriter writer(out);
  write(writer);
  return out;
}

/// The one record of a line, as GET prints it; or COLUMN: reason.
std::string read(std::string_view line) {
  const auto records = parse_records(line);
  if (!records) return std::to_string(records.error().column) + ": " + records.error().reason;
  std::string out;
  for (const Record& record : *records) {
    EXPECT_TRUE(check_document(record.document)) << line;
    if (!out.empty()) out += " && ";
    out += print_record(record.key, record.document);
  }
  return out;
}

/// The value behind `k -> `, as GET prints it.
std::string value(std::string_view text) {
  const std::string out = read("k -> " + std::string(text));
  return out.starts_with("k -> ") ? out.substr(5) : out;
}

std::string shell(std::string_view text) {
  const auto document = parse_value(text);
  return document ? print_value(*document) : std::to_string(document.error().column) + ": " + document.error().reason;
}

constexpr std::string_view kMary =
    "person2 -> [ name -> \"Mary\" | address -> [ street -> \"Panepistimiou\" | number -> 12 ] ]";

TEST(DataFile, TheSameRecordInEveryNotation) {
  EXPECT_EQ(
      read(R"("person2" -> [ "name" -> "Mary" | "address" -> [ "street" -> "Panepistimiou" | "number" -> 12 ] ])"),
      kMary);
  EXPECT_EQ(read(R"(person2 -> [ name -> "Mary" | address -> [ street -> "Panepistimiou" | number -> 12 ] ])"), kMary);
  EXPECT_EQ(read(R"("person2" : { "name" : "Mary" ; "address" : { "street" : "Panepistimiou" ; "number" : 12 } })"),
            kMary);
  EXPECT_EQ(read(R"({"person2": {"name": "Mary", "address": {"street": "Panepistimiou", "number": 12}}})"), kMary);
  EXPECT_EQ(read(R"({'person2': {'name': 'Mary', 'address': {'street': 'Panepistimiou', 'number': 12}}})"), kMary);
  EXPECT_EQ(read("“person2” -> [ “name” -> “Mary” | “address” -> [ ‘street’ -> «Panepistimiou» | „number“ -> 12 ] ]"),
            kMary);
}

TEST(DataFile, WhiteSpaceIsFree) {
  EXPECT_EQ(read("person2->[name->\"Mary\"|address->[street->\"Panepistimiou\"|number->12]]"), kMary);
  EXPECT_EQ(read(" \t person2  ->\t[  name->\"Mary\" |address -> [street ->\"Panepistimiou\"|number-> 12 ]  ]  \r"),
            kMary);
  EXPECT_EQ(read("\xef\xbb\xbfperson2\xc2\xa0->\xc2\xa0"
                 "12"),
            "person2 -> 12");  // Byte order mark, no-break spaces.
}

TEST(DataFile, BlankLinesHoldNothing) {
  for (const char* line : {"", " ", "\t \r", "{}", " { } "}) {
    const auto records = parse_records(line);
    ASSERT_TRUE(records) << line;
    EXPECT_TRUE(records->empty()) << line;
  }
}

TEST(DataFile, AJsonObjectOfSeveralKeysIsSeveralRecords) {
  EXPECT_EQ(read(R"({"a": 1, "b": {"c": []}, "d": "x"})"), "a -> 1 && b -> [ c -> () ] && d -> \"x\"");
  EXPECT_EQ(read(R"({"a": 1, "a": 2})"), "10: the same key twice on one line");
}

TEST(DataFile, EmptyMapsAndLists) {
  EXPECT_EQ(value("[]"), "[]");
  EXPECT_EQ(value("[ ]"), "[]");
  EXPECT_EQ(value("{}"), "[]");
  EXPECT_EQ(value("()"), "()");
  EXPECT_EQ(value("[ a -> [] | b -> {} | c -> ( ) ]"), "[ a -> [] | b -> [] | c -> () ]");
  EXPECT_EQ(value("{ a : [] ; b : {} }"), "[ a -> () | b -> [] ]");
  EXPECT_EQ(read("k : []"), "k -> ()");
  EXPECT_EQ(read(R"({"k": []})"), "k -> ()");
}

TEST(DataFile, BracketsMeanWhatTheMapAroundThemSays) {
  EXPECT_EQ(value("[ a -> ( 1 | [ b -> 2 ] | ( 3 ) ) ]"), "[ a -> ( 1 | [ b -> 2 ] | ( 3 ) ) ]");
  EXPECT_EQ(value("{ a : [1, [2], {b : 3}] }"), "[ a -> ( 1 | ( 2 ) | [ b -> 3 ] ) ]");
  EXPECT_EQ(value("[ a -> { b : [1, 2] } | c -> [ d -> 1 ] ]"), "[ a -> [ b -> ( 1 | 2 ) ] | c -> [ d -> 1 ] ]");
  EXPECT_EQ(value("{ a : 1, b : 2 ; c : 3 }"), "[ a -> 1 | b -> 2 | c -> 3 ]");
  EXPECT_EQ(read("{'k': (1, 2)}"), "k -> ( 1 | 2 )");  // A Python tuple.
}

TEST(DataFile, NamedValues) {
  EXPECT_EQ(value("( null | None | true | True | false | False )"), "( null | null | true | true | false | false )");
  EXPECT_EQ(value("( nan | inf | -inf | NaN | Infinity | -Infinity )"), "( nan | inf | -inf | nan | inf | -inf )");
}

TEST(DataFile, Numbers) {
  EXPECT_EQ(value("( 0 | -0 | 12 | -7 | 007 )"), "( 0 | 0 | 12 | -7 | 7 )");
  EXPECT_EQ(value("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(value("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(value("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(value("( 2.0 | 1. | .5 | -.5 | 1e3 | 1E-2 | -0.0 | 1e400000 )").substr(0, 2),
            "50");  // The last one's column.
  EXPECT_EQ(value("( 2.0 | 1. | .5 | -.5 | 1e3 | 1E-2 | -0.0 )"), "( 2.0 | 1.0 | 0.5 | -0.5 | 1000.0 | 0.01 | -0.0 )");
  EXPECT_EQ(value("( 1e21 | 1e-7 | 0.000001 | 123456789.25 | 5e-324 )"),
            "( 1e+21 | 1e-7 | 0.000001 | 123456789.25 | 5e-324 )");
  EXPECT_EQ(value("( 1e-400 | -0.0000001e-999999999999999999999 )"), "( 0.0 | -0.0 )");
  EXPECT_EQ(*parse_value("12"), packed([](PackedWriter& w) { w.natural(12); }));
  EXPECT_EQ(*parse_value("2.0"), packed([](PackedWriter& w) { w.float64(2.0); }));
}

TEST(DataFile, StringsTakeEscapes) {
  EXPECT_EQ(*parse_value(R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")"),
            packed([](PackedWriter& w) { w.str("\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80"); }));
  EXPECT_EQ(value(R"('it\'s "so"')"), R"("it's \"so\"")");
  EXPECT_EQ(value("“say \\“hi\\””"), "\"say “hi”\"");
  EXPECT_EQ(value("\"say “hi”\""), "\"say “hi”\"");
  EXPECT_EQ(value(R"('\x07\U0001f600')"), "\"\\u0007\xf0\x9f\x98\x80\"");
}

TEST(DataFile, Bytes) {
  EXPECT_EQ(*parse_value("bytes(\"AAH/\")"), packed([](PackedWriter& w) { w.bin(std::string_view("\0\1\xff", 3)); }));
  EXPECT_EQ(value("[ a -> bytes ( 'aGk=' ) ]"), "[ a -> bytes(\"aGk=\") ]");
  EXPECT_EQ(value("bytes(\"\")"), "bytes(\"\")");
  EXPECT_EQ(value("[ bytes -> 1 ]"), "[ bytes -> 1 ]");
}

TEST(DataFile, RecordKeysAreAnyBytes) {
  EXPECT_EQ(read(R"("\xff\x00é" -> 1)"), R"("\xff\u0000é" -> 1)");
  EXPECT_EQ((*parse_records(R"("\xff\x00" -> 1)"))[0].key, std::string("\xff\0", 2));
  EXPECT_EQ(read(R"(a-_9 -> 1)"), "a-_9 -> 1");
  EXPECT_EQ(read(R"(12 -> 1)"), "12 -> 1");
  EXPECT_EQ(read(R"("my key" -> [ "a.b" -> 1 | "" -> 2 ])"), R"("my key" -> [ "a.b" -> 1 | "" -> 2 ])");
  EXPECT_EQ(read(R"(--stale -> 1)"), R"("--stale" -> 1)");  // Bare, it would be an option in the shell.
}

TEST(DataFile, ErrorsNameTheColumnAndWhatWouldBeRight) {
  EXPECT_EQ(read("[ a -> 1 ]"), "1: expected a key, found \"[\"");
  EXPECT_EQ(read("person1 [ a -> 1 ]"), "9: expected -> or : after the key, found \"[\"");
  EXPECT_EQ(read("person1"), "8: expected -> or : after the key, found the end of the line");
  EXPECT_EQ(read("person1 ->"), "11: expected a value, found the end of the line");
  EXPECT_EQ(read("my.key -> 1"), "1: the key \"my.key\" has to stand in quotes: bare keys are made of A-Z a-z 0-9 _ -");
  EXPECT_EQ(read("\"\" -> 1"), "1: a key has 1 to 4096 bytes, this one has 0");
  EXPECT_EQ(read("{\"\": 1}"), "2: a key has 1 to 4096 bytes, this one has 0");
  EXPECT_EQ(read("k -> 1 2"), "8: expected nothing more after the value, found \"2\"");
  EXPECT_EQ(read("k -> [] ]"), "9: expected nothing more after the value, found \"]\"");
  EXPECT_EQ(read("{\"k\" -> 1}"), "6: expected : after the key, found \"->\"; pairs in { } are written key : value");
}

TEST(DataFile, MissingBrackets) {
  EXPECT_EQ(read("k -> [ a -> 1"), "14: a bracket is missing: the [ at column 6 is never closed; expected | or ]");
  EXPECT_EQ(read("k -> [ a -> [ b -> 1 ]"),
            "23: a bracket is missing: the [ at column 6 is never closed; expected | or ]");
  EXPECT_EQ(read("k : { a : 1 ;"), "14: expected a key, found the end of the line");
  EXPECT_EQ(read("{\"k\": [1, 2}"), "12: expected , or ] in [ ], found \"}\"");
  EXPECT_EQ(read("k -> ( 1 | 2"), "13: a bracket is missing: the ( at column 6 is never closed; expected | or )");
  EXPECT_EQ(read("k -> [ a -> \"x ]"), "13: the quote is never closed; write \" as \\\" where it is part of the text");
}

TEST(DataFile, BareWordsAreNoValues) {
  EXPECT_EQ(read("k -> John"), "6: the bare word \"John\" is no value; put a string in quotes");
  EXPECT_EQ(read("k -> [ name -> John ]"), "16: the bare word \"John\" is no value; put a string in quotes");
  EXPECT_EQ(read("{'k': nope}"), "7: the bare word \"nope\" is no value; put a string in quotes");
  EXPECT_EQ(read("k -> 12abc"), "6: the bare word \"12abc\" is no value; put a string in quotes");
  EXPECT_EQ(read("k -> 1.2.3"), "6: the bare word \"1.2.3\" is no value; put a string in quotes");
  EXPECT_EQ(read("k -> TRUE"), "6: the bare word \"TRUE\" is no value; put a string in quotes");
}

TEST(DataFile, ValuesInBracketsThatAreNoPairs) {
  constexpr const char* kHelp = "pairs in [ ] are written key -> value, and a list ( 1 | 2 )";
  EXPECT_EQ(read("k -> [ 1 | 2 ]"),
            std::string("8: \"1\" is no pair: expected -> after the key, found \"|\"; ") + kHelp);
  EXPECT_EQ(read("k -> [ \"a\" ]"),
            std::string("8: \"a\" is no pair: expected -> after the key, found \"]\"; ") + kHelp);
  EXPECT_EQ(read("k -> [ a -> 1 | [ b -> 2 ] ]"), std::string("17: a value in brackets that is no pair; ") + kHelp);
  EXPECT_EQ(read("k -> [ a : 1 ]"),
            std::string("8: \"a\" is no pair: expected -> after the key, found \":\"; ") + kHelp);
  EXPECT_EQ(read("k -> { a -> 1 }"),
            "8: \"a\" is no pair: expected : after the key, found \"->\"; pairs in { } are written key : value");
  EXPECT_EQ(read("k -> [ a -> 1 , b -> 2 ]"), "15: expected | or ] in [ ], found \",\"");
  EXPECT_EQ(read("k -> [ a -> 1 | ]"), "17: expected a key, found \"]\"");
}

TEST(DataFile, KeysTwiceInOneMap) {
  EXPECT_EQ(read("k -> [ a -> 1 | b -> 2 | \"a\" -> 3 ]"), "26: the same key twice in one map");
  EXPECT_EQ(read("k -> [ a -> [ a -> 1 ] ]"), "k -> [ a -> [ a -> 1 ] ]");
  std::string many = "k -> [ ";
  for (int i = 0; i < 100; ++i) many += "k" + std::to_string(i) + " -> 1 | ";
  EXPECT_EQ(read(many + "x -> 1 ]").substr(0, 5), "k -> ");
  EXPECT_EQ(read(many + "k77 -> 1 ]"), std::to_string(many.size() + 1) + ": the same key twice in one map");
}

TEST(DataFile, NumbersOutOfRange) {
  constexpr const char* kRange =
      "the number is out of range: an integer goes from -9223372036854775808 to 18446744073709551615; write a float "
      "(with .0) beyond";
  EXPECT_EQ(read("k -> 18446744073709551616"), std::string("6: ") + kRange);
  EXPECT_EQ(read("k -> [ a -> -9223372036854775809 ]"), std::string("13: ") + kRange);
  EXPECT_EQ(read("k -> 1e309"),
            "6: the number is out of range: a float64 goes up to 1.7976931348623157e+308; infinity is written inf");
}

TEST(DataFile, ColumnsCountCharacters) {
  EXPECT_EQ(read("Γιάννης -> 1").substr(0, 2), "1:");
  EXPECT_EQ(read("\"Γιάννης\" -> John"), "14: the bare word \"John\" is no value; put a string in quotes");
}

TEST(DataFile, BytesThatAreNoText) {
  EXPECT_EQ(read("k -> \"a\xff\""), "8: this is no UTF-8; write other bytes as bytes(\"base64\")");
  EXPECT_EQ(read("\"a\xff\" -> 1"), "3: this is no UTF-8; in a key write other bytes as \\xhh");
  EXPECT_EQ(read(R"(k -> [ "\xff" -> 1 ])"),
            "8: a key in a map is UTF-8 text; only a record's own key may hold other bytes");
  EXPECT_EQ(read(R"(k -> "\xff")"),
            "7: a byte above \\x7f is no text; write the character as \\uhhhh, bytes as bytes(\"base64\")");
  EXPECT_EQ(read(R"(k -> "\ud800")"), "7: half of a surrogate pair; the other half \\udc00 to \\udfff has to follow");
  EXPECT_EQ(read(R"(k -> "\udc00")"),
            "7: there is no such character; \\u takes 0000 to d7ff and e000 to ffff, or a surrogate pair");
  EXPECT_EQ(read(R"(k -> "\q")"),
            "7: there is no such escape; strings take \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uhhhh");
  EXPECT_EQ(read(R"(k -> "\u12")"), "7: \\u takes 4 hex digits");
  EXPECT_EQ(read(R"(k -> bytes("a"))"), "12: this is no base64 (A-Z a-z 0-9 + /, padded with = to a multiple of 4)");
  EXPECT_EQ(read(R"(k -> bytes("aGl="))"), "12: this is no base64 (A-Z a-z 0-9 + /, padded with = to a multiple of 4)");
  EXPECT_EQ(read(R"(k -> bytes(12))"), "6: bytes are written bytes(\"base64\")");
}

TEST(DataFile, NestingHasALimit) {
  const auto nested = [](int depth, const std::string& open, const std::string& close) {
    std::string text = "k -> ";
    for (int i = 0; i < depth; ++i) text += open;
    for (int i = 0; i < depth; ++i) text += close;
    return text;
  };
  EXPECT_TRUE(parse_records(nested(kNestingMax, "(", ")")));
  EXPECT_EQ(read(nested(kNestingMax + 1, "(", ")")), "134: nested deeper than 128");
  EXPECT_FALSE(parse_records(nested(1'000'000, "(", ")")));
  EXPECT_FALSE(parse_records(nested(1'000'000, "[ a -> ", "]")));
  // The braces around a JSON line's records are none of a document's.
  EXPECT_TRUE(parse_records("{\"k\": " + nested(kNestingMax, "[", "]").substr(5) + "}"));
}

TEST(DataFile, LimitsOfKeysAndDocuments) {
  const std::string longest(kKeySizeMax, 'x');
  EXPECT_TRUE(parse_records(longest + " -> 1"));
  EXPECT_EQ(read(longest + "x -> 1"), "1: a key has 1 to 4096 bytes, this one has 4097");
  EXPECT_TRUE(parse_records("k -> \"" + std::string(kDocumentSizeMax - 5, 'x') + "\""));
  EXPECT_EQ(read("k -> \"" + std::string(kDocumentSizeMax - 4, 'x') + "\""),
            "6: a document has at most 16777216 bytes packed, this one has 16777217");
}

TEST(DataFile, LargeContainersGetLargeHeads) {
  std::string text = "( ";
  for (int i = 0; i < 70'000; ++i) text += i == 0 ? "7" : " | 7";
  const auto document = parse_value(text + " )");
  ASSERT_TRUE(document);
  EXPECT_EQ(PackedReader(*document).next()->count, 70'000u);
  EXPECT_TRUE(check_document(*document));
}

TEST(ShellValue, ABareWordIsAString) {
  EXPECT_EQ(shell("12"), "12");
  EXPECT_EQ(shell("\"some text\""), "\"some text\"");
  EXPECT_EQ(shell("word"), "\"word\"");
  EXPECT_EQ(shell("12abc"), "\"12abc\"");
  EXPECT_EQ(shell("127.0.0.1:9001"), "\"127.0.0.1:9001\"");
  EXPECT_EQ(shell("http://a.b/c?d=e"), "\"http://a.b/c?d=e\"");
  EXPECT_EQ(shell("true"), "true");
  EXPECT_EQ(shell("bytes(\"aGk=\")"), "bytes(\"aGk=\")");
  EXPECT_EQ(shell("some text"), "6: expected nothing more after the value, found \"text\"");
  EXPECT_EQ(shell("it's"), "1: a string that holds quotes, brackets or | has to stand in quotes");
  EXPECT_EQ(shell("18446744073709551616").substr(0, 30), "1: the number is out of range:");
  EXPECT_EQ(shell("[ name -> John ]"), "11: the bare word \"John\" is no value; put a string in quotes");
}

TEST(ShellValue, SquareBracketsHoldWhatTheyBeginWith) {
  EXPECT_EQ(shell("[]"), "[]");
  EXPECT_EQ(shell("[1, 2]"), "( 1 | 2 )");
  EXPECT_EQ(shell("[[], {}]"), "( () | [] )");
  EXPECT_EQ(shell("[ 1 -> 2 ]"), "[ 1 -> 2 ]");
  EXPECT_EQ(shell("[\"a\", \"b\"]"), "( \"a\" | \"b\" )");
  EXPECT_EQ(shell("[\"a\" -> \"b\"]"), "[ a -> \"b\" ]");
  EXPECT_EQ(shell("{\"a\": [1]}"), "[ a -> ( 1 ) ]");
}

TEST(Printing, Float32ReadsBackAsTheFloat64OfEqualValue) {
  const std::string tenth = packed([](PackedWriter& w) { w.float32(0.1f); });
  EXPECT_EQ(print_value(tenth), "0.10000000149011612");
  EXPECT_EQ(*parse_value(print_value(tenth)), packed([](PackedWriter& w) { w.float64(static_cast<double>(0.1f)); }));
  EXPECT_EQ(print_value(packed([](PackedWriter& w) { w.float32(2.0f); })), "2.0");
}

TEST(Printing, StaysOnOneLine) {
  EXPECT_EQ(print_value(packed([](PackedWriter& w) { w.str("a\n\r\x1b\x7f\xc2\x85\xe2\x80\xa8z"); })),
            R"("a\n\r\u001b\u007f\u0085\u2028z")");
}

TEST(Printing, TakesWhatIsNoDocument) {
  EXPECT_EQ(print_value(""), "null");
  EXPECT_EQ(print_value("\x92\x01"), "( 1 | null )");
  EXPECT_EQ(print_value("\x81\x01\x02"), "[ \"\" -> null ]");
  EXPECT_EQ(print_value("\xd4\x01\x02"), "null");
  EXPECT_EQ(print_value("\xa2\xff\xfe"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(Printing, NumbersOfCompute) {
  EXPECT_EQ(print_number(30), "30");
  EXPECT_EQ(print_number(2.0 / (12 + 3 * (22 + 1.75))), "0.024024024024024024");
  EXPECT_EQ(print_number(-0.0), "0");
  EXPECT_EQ(print_number(-1.5), "-1.5");
  EXPECT_EQ(print_number(123456789012345680000.0), "123456789012345680000");
  EXPECT_EQ(print_number(1e21), "1e+21");
  EXPECT_EQ(print_number(1.5e-7), "1.5e-7");
  EXPECT_EQ(print_number(0.000001), "0.000001");
  EXPECT_EQ(print_number(100), "100");
}

TEST(Printing, PathsAsTheShellReadsThem) {
  EXPECT_EQ(to_text("person2", {"address", "number"}), "person2.address.number");
  EXPECT_EQ(to_text("my.key", {"sub", std::uint64_t{7}, "7", "a b", ""}), R"("my.key".sub.7."7"."a b"."")");
  EXPECT_EQ(to_text("a\n\xff", {}), R"("a\n\xff")");
}

TEST(RoundTrip, WhatIsPrintedReadsBackEqual) {
  testing::RandomDocuments random(20);
  for (int i = 0; i < 20'000; ++i) {
    const std::string document = random.next();
    const std::string key = random.key();
    const std::string line = print_record(key, document);
    ASSERT_EQ(line.find_first_of("\n\r"), std::string::npos);
    const auto records = parse_records(line);
    ASSERT_TRUE(records) << line << "\n" << records.error().column << ": " << records.error().reason;
    ASSERT_EQ(records->size(), 1u) << line;
    ASSERT_EQ((*records)[0].key, key) << line;
    ASSERT_EQ((*records)[0].document, document) << line;
    const auto typed = parse_value(print_value(document));
    ASSERT_TRUE(typed) << line;
    ASSERT_EQ(*typed, document) << line;
  }
}

TEST(DataFile, StringsEndWhereTheyEndWhateverTheirLength) {
  for (const char* piece : {"", "\\\"", "\\n", "\xc3\xa9", "'", "\t", "\xe2\x80\x9d"}) {
    for (std::size_t before = 0; before < 20; ++before) {
      for (std::size_t after = 0; after < 20; ++after) {
        const std::string inside = std::string(before, 'a') + piece + std::string(after, 'b');
        std::string meant = std::string(before, 'a');
        meant += piece == std::string_view("\\\"") ? "\"" : piece == std::string_view("\\n") ? "\n" : piece;
        meant += std::string(after, 'b');
        std::size_t position = 0;
        const std::string text = '"' + inside + "\" | rest";
        const auto read = read_value(text, position, Notation::kArrow);
        ASSERT_TRUE(read) << text << ": " << read.error().reason;
        ASSERT_EQ(*read, packed([&](PackedWriter& w) { w.str(meant); })) << text;
        ASSERT_EQ(position, inside.size() + 2) << text;
      }
    }
  }
  for (std::size_t before = 0; before < 20; ++before) {
    const std::string broken = '"' + std::string(before, 'a') + "\xff" + std::string(10, 'b') + '"';
    EXPECT_EQ(parse_value(broken).error().column, before + 2);
  }
}

TEST(DataFile, DecimalsAreTheNearestFloat64) {
  testing::RandomDocuments random(11);
  for (int i = 0; i < 100'000; ++i) {
    std::string text = random.below(2) == 0 ? "-" : "";
    for (std::uint64_t digits = random.below(18); digits > 0; --digits) text += "0123456789"[random.below(10)];
    text += '.';
    for (std::uint64_t digits = 1 + random.below(18); digits > 0; --digits) text += "0123456789"[random.below(10)];
    const auto read = parse_value(text);
    ASSERT_TRUE(read) << text;
    ASSERT_EQ(*read, packed([&](PackedWriter& w) { w.float64(std::strtod(text.c_str(), nullptr)); })) << text;
  }
}

TEST(DataFile, HeadsOfAnySizeAtAnyDepth) {
  // In front of, inside and behind others that need one byte, three and five.
  const std::string large = [] {
    std::string elements = "( 0";
    for (int i = 1; i < 70'000; ++i) elements += " | 0";
    return elements + " )";
  }();
  std::string medium = "[ k0 -> " + large;
  for (int i = 1; i < 16; ++i) medium += " | k" + std::to_string(i) + " -> ( 1 | [] )";
  medium += " ]";
  const std::string text = "( " + medium + " | [ a -> " + large + " ] | " + medium + " | () )";
  const auto document = parse_value(text);
  ASSERT_TRUE(document);
  EXPECT_TRUE(check_document(*document));
  EXPECT_EQ(print_value(*document), text);
}

TEST(RecordParser, AWrongLineLeavesNothingForTheNext) {
  class List : public RecordTarget {
   public:
    std::string& on_key(std::string_view key) override { return records.emplace_back(key, "").second; }
    std::vector<std::pair<std::string, std::string>> records;
  };
  RecordParser parser;
  for (const char* wrong :
       {"k -> [ a -> [ \"b\\n\" -> ( 1 | [ c -> x", "{\"a\": 1, \"b\": {\"\\u0061\": 1, \"a\": 2}}", "k"}) {
    List list;
    EXPECT_NE(parser.read(wrong, list), std::nullopt) << wrong;
    List next;
    EXPECT_EQ(parser.read("{\"\\u0061\": [1], \"b\": {\"a\": 2}}", next), std::nullopt) << wrong;
    ASSERT_EQ(next.records.size(), 2u);
    EXPECT_EQ(print_record(next.records[0].first, next.records[0].second), "a -> ( 1 )");
    EXPECT_EQ(print_record(next.records[1].first, next.records[1].second), "b -> [ a -> 2 ]");
  }
}

TEST(RoundTrip, AnyBytesGetAnAnswer) {
  testing::RandomDocuments random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string line = print_record(random.key(), random.next());
    for (std::uint64_t changes = 1 + random.below(4); changes > 0 && !line.empty(); --changes) {
      const std::size_t at = random.below(line.size());
      switch (random.below(3)) {
        case 0: line[at] = "[](){}|:;,\"'\\->x1 \xe2\xff"[random.below(20)]; break;
        case 1: line.erase(at, 1); break;
        default: line.resize(at); break;
      }
    }
    if (const auto records = parse_records(line); !records) {
      ASSERT_GE(records.error().column, 1u);
      ASSERT_LE(records.error().column, line.size() + 1);
      ASSERT_FALSE(records.error().reason.empty());
    } else {
      for (const Record& record : *records) ASSERT_TRUE(check_document(record.document)) << line;
    }
  }
}

}  // namespace
}  // namespace trellis
