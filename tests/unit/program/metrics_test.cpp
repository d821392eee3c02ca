// Metrics in Prometheus' text format: buckets are cumulative, labels are escaped.
#include "program/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trellis {
namespace {

using testing::HasSubstr;

TEST(Metrics, AHistogramsBucketsAreCumulativeAndEndInInfinity) {
  Histogram histogram;
  for (const double seconds : {0.00005, 0.0007, 0.0007, 100.0}) histogram.observe(seconds);
  MetricsText text;
  text.family("a_seconds", "histogram", "A.").sample({{"command", "PUT"}}, histogram);
  EXPECT_THAT(text.text(), HasSubstr("a_seconds_bucket{command=\"PUT\",le=\"5e-05\"} 1\n"));
  EXPECT_THAT(text.text(), HasSubstr("a_seconds_bucket{command=\"PUT\",le=\"0.001\"} 3\n"));
  EXPECT_THAT(text.text(), HasSubstr("a_seconds_bucket{command=\"PUT\",le=\"10\"} 3\n"));
  EXPECT_THAT(text.text(), HasSubstr("a_seconds_bucket{command=\"PUT\",le=\"+Inf\"} 4\n"));
  EXPECT_THAT(text.text(), HasSubstr("a_seconds_count{command=\"PUT\"} 4\n"));
}

TEST(Metrics, FamiliesHaveHelpAndTypeAndLabelsAreEscaped) {
  MetricsText text;
  text.counter("a_total", "How many.", 3);
  text.family("b", "gauge", "B.").sample({{"x", "a\"b\\c\nd"}}, 1.5);
  EXPECT_EQ(text.text(),
            "# HELP a_total How many.\n# TYPE a_total counter\na_total 3\n"
            "# HELP b B.\n# TYPE b gauge\nb{x=\"a\\\"b\\\\c\\nd\"} 1.5\n");
}

}  // namespace
}  // namespace trellis
