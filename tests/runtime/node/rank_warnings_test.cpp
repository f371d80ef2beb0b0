#include "runtime/node/rank_warnings.h"

#include <gtest/gtest.h>

namespace muster::node {
namespace {

TEST(RankWarnings, AreTheSentencesOfTheLogEachOnce) {
  const std::string log =
      "2026-12-01T00:15:16.010Z info rank 0 loop: a warning rank: none\n"
      "2026-12-01T00:15:16.020Z warning rank 0 weights: names are read without \"module.\" before them\n"
      "2026-12-01T00:15:16.030Z warning rank 0 loop: two: parts\n"
      "a line of a library warning rank 0 x: y\n"
      "2026-12-01T00:15:16.040Z warning rank 1 loop: two: parts";
  EXPECT_EQ(warnings_in(log),
            (std::vector<std::string>{"names are read without \"module.\" before them", "two: parts"}));
  EXPECT_TRUE(warnings_in("").empty());
}

}  // namespace
}  // namespace muster::node
