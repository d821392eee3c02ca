// Records as lines that read back equal, whatever they hold.
#include "cli/load/export_line.hpp"

#include <gtest/gtest.h>

#include "protocol/notation/notation.hpp"

namespace trellis {
namespace {

std::string line_of(std::string_view key, std::string_view value, ExportFormat format = ExportFormat::kJson) {
  std::string line;
  append_export_line(line, key, *parse_value(value), format);
  return line;
}

TEST(ExportLine, IsJsonWhereJsonHoldsTheRecord) {
  EXPECT_EQ(line_of("a\"b", "{\"x\": [1, 2.0, null], \"y\": {}}"),
            "{\"a\\\"b\": {\"x\": [1, 2.0, null], \"y\": {}}}\n");
  EXPECT_EQ(line_of("a", "{\"$binary\": \"AA==\"}"), "{\"a\": {\"$binary\": \"AA==\"}}\n") << "a map, and no marker";
}

TEST(ExportLine, IsAsGetPrintsItWhereJsonDoesNot) {
  EXPECT_EQ(line_of("\xff", "1"), "\"\\xff\" -> 1\n");
  EXPECT_EQ(line_of("a", "{\"b\": bytes(\"AA==\")}"), "a -> [ b -> bytes(\"AA==\") ]\n");
  EXPECT_EQ(line_of("a", "nan"), "a -> nan\n");
  EXPECT_EQ(line_of("a", "{\"b\": 1}", ExportFormat::kArrow), "a -> [ b -> 1 ]\n");
}

TEST(ExportLine, ReadsBackEqual) {
  for (const char* value : {"18446744073709551615", "-9223372036854775808", "1e300", "5e-324", "-0.0", "2.0", "true",
                            "\"\\u0000\\u2028\\\"\\\\/\\ud83d\\ude00\"", "{\"$$a\": {\"$float\": \"nan\"}}",
                            "[[], {}, [{}]]", "{\"a\": inf, \"b\": [bytes(\"\"), -inf]}", "{\"\": {\"\": null}}"}) {
    for (const ExportFormat format : {ExportFormat::kJson, ExportFormat::kArrow}) {
      for (const std::string_view key :
           {std::string_view("k"), std::string_view("\0\n\xc3", 3), std::string_view("é")}) {
        std::string line;
        append_export_line(line, key, *parse_value(value), format);
        ASSERT_EQ(line.find('\n'), line.size() - 1);
        const auto records = parse_records(line.substr(0, line.size() - 1));
        ASSERT_TRUE(records) << line;
        ASSERT_EQ(records->size(), 1u);
        EXPECT_EQ(records->front().key, key);
        EXPECT_EQ(records->front().document, *parse_value(value)) << line;
      }
    }
  }
}

}  // namespace
}  // namespace trellis
