#include "launcher/rehearse/kinds.h"

#include <gtest/gtest.h>

#include "launcher/plan/plan.h"

namespace muster::rehearse {
namespace {

spec::Plan plan_of(const std::string& job, std::vector<std::string> overrides = {},
                   const std::string& cluster = "dgx-h100") {
  return plan::make_plan({.job = job, .overrides = std::move(overrides), .cluster = cluster}).plan;
}

TEST(Kinds, StagesOfAPipelineDiffer) {
  const std::vector<Kind> kinds = kinds_of(plan_of("grpo-llama3.1-8b-16xh100-megatron"));
  ASSERT_EQ(kinds.size(), 2u);
  EXPECT_EQ(kinds[0].what, "trains stage 0 of 2 and generates");
  EXPECT_EQ(kinds[1].what, "trains stage 1 of 2 and generates");
  EXPECT_EQ(kinds[0].count, 8);
  EXPECT_EQ(kinds[1].count, 8);
  EXPECT_NE(kinds[0].rank, kinds[1].rank);
}

TEST(Kinds, ReplicasAreAlikeAndSoAreEqualRowsOfShardedParameters) {
  const std::vector<Kind> kinds = kinds_of(plan_of("grpo-llama3.1-8b-16xh100-dtensor"));
  ASSERT_EQ(kinds.size(), 1u);
  EXPECT_EQ(kinds[0].rank, 0);
  EXPECT_EQ(kinds[0].count, 16);
  EXPECT_EQ(kinds[0].what, "trains and generates");
}

TEST(Kinds, RolesOfASplitPlacementDiffer) {
  const std::vector<Kind> kinds =
      kinds_of(plan_of("reverse-digits", {"placement.mode=split", "train.dp=2", "gen.dp=1"}, "local"));
  ASSERT_EQ(kinds.size(), 2u);
  EXPECT_EQ(kinds[0].what, "trains");
  EXPECT_EQ(kinds[0].count, 2);
  EXPECT_EQ(kinds[1].what, "generates");
  EXPECT_EQ(kinds[1].rank, 2);
}

}  // namespace
}  // namespace muster::rehearse
