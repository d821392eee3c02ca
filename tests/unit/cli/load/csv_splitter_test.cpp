// Rows of tables, in whatever pieces they come and however wrong they are.
#include "cli/load/csv_splitter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cli/load/splitter_harness.hpp"

namespace trellis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Split split_csv(std::string_view text, std::size_t step = 1'000'000, std::size_t size_max = kPieceSizeMax) {
  CsvSplitter splitter(',', size_max);
  return split(splitter, text, step);
}

TEST(CsvSplitter, RowsEndWithTheirLinesOrTheFile) {
  const Split found = split_csv("id,name\r\n\n1,Ann\n\r\n2,\n3,\"x\"");
  EXPECT_THAT(found.records, ElementsAre("id,name", "1,Ann", "2,", "3,\"x\""));
  EXPECT_THAT(found.places, ElementsAre("1:1", "3:1", "5:1", "6:1"));
  EXPECT_THAT(found.wrong, IsEmpty());
}

TEST(CsvSplitter, CellsInQuotesHoldAnything) {
  const Split found = split_csv("\"a,\nb\",\"c\"\"d\"\n\"\",\"\"\"\"\r\ne,f\n");
  EXPECT_THAT(found.records, ElementsAre("\"a,\nb\",\"c\"\"d\"", "\"\",\"\"\"\"", "e,f"));
  EXPECT_THAT(found.places, ElementsAre("1:1", "3:1", "4:1"));
}

TEST(CsvSplitter, AQuoteWhereNoneBelongsCostsItsRowAlone) {
  const Split found = split_csv("a,1\nb\"c,2\n\"d\"e,3\nf,4\n");
  EXPECT_THAT(found.records, ElementsAre("a,1", "f,4"));
  EXPECT_THAT(found.wrong,
              ElementsAre(HasSubstr("2:2: a quote inside a cell"), HasSubstr("3:4: this follows the quote")));
}

TEST(CsvSplitter, AQuoteThatIsNeverClosedCostsItsRowAlone) {
  const Split found = split_csv("a,1\nb,\"2\nc,3\nd,4\n");
  EXPECT_THAT(found.records, ElementsAre("a,1", "c,3", "d,4"));
  EXPECT_THAT(found.wrong, ElementsAre("2:3: the quote that opens here is never closed"));
}

TEST(CsvSplitter, TwoQuotesThatWereForgottenCostTheirRowsAlone) {
  const Split found = split_csv("a,\"1\nb,2\nc,\"3\nd,4\n");
  EXPECT_THAT(found.records, ElementsAre("b,2", "d,4"));
  EXPECT_EQ(found.wrong.size(), 2u);
}

TEST(CsvSplitter, ARowThatIsTooLongCostsNoOther) {
  for (const char* quote : {"", "\""}) {
    const std::string text = "a\n" + (quote + std::string(300, 'x')) + "\nb\n";
    const Split found = split_csv(text, 10, 100);
    EXPECT_THAT(found.records, ElementsAre("a", "b"));
    EXPECT_EQ(found.wrong.size(), 1u);
  }
}

TEST(CsvSplitter, DoesNotDependOnHowTheTextArrives) {
  const std::string text = "a,\"b\r\n\"\"c\"\r\n\"d\"e\n\"f\"\r\nx\"\n\n\"g,\"\"\nh,i\nj";
  const Split whole = split_csv(text);
  for (std::size_t step = 1; step < text.size(); ++step) {
    const Split stepped = split_csv(text, step);
    EXPECT_EQ(stepped.records, whole.records) << "step " << step;
    EXPECT_EQ(stepped.places, whole.places) << "step " << step;
    EXPECT_EQ(stepped.wrong, whole.wrong) << "step " << step;
  }
}

}  // namespace
}  // namespace trellis
