#include "launcher/rehearse/page.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "launcher/plan/plan.h"

namespace muster::rehearse {
namespace {

using nlohmann::ordered_json;

ordered_json found_of_stage() {
  return {{"rank", 0},
          {"samples", 4},
          {"prompt_tokens", 400},
          {"answer_tokens", 1000},
          {"phases",
           {{{"phase", "train"},
             {"peak_bytes", 59'864'585'568},
             {"owners", {{"weights", 8'032'354'304}, {"activations", 1'677'522'272}}},
             {"flops", 9e15},
             {"needed_flops", 6e15},
             {"chosen_flops", 2e15},
             {"operations", 32465},
             {"host_waits", 6},
             {"calls",
              {{{"communicator", "train.dp"},
                {"kind", "all_gather"},
                {"label", "train.weights"},
                {"count", 404},
                {"bytes", 4'015'128'576}}}}}}}};
}

TEST(RehearsalPage, ShowsWhatWasFoundBesideWhatIsNeededAndPlanned) {
  const spec::Plan plan = plan::make_plan({.job = "grpo-llama3.1-8b-16xh100-megatron", .cluster = "dgx-h100"}).plan;
  const Kind kind{.rank = 0, .count = 8, .what = "trains stage 0 of 2 and generates"};
  const std::string page = kind_page(plan, kind, found_of_stage());
  EXPECT_NE(page.find("rank 0 trains stage 0 of 2 and generates, as 7 more"), std::string::npos) << page;
  EXPECT_NE(page.find("9000.0     6000.0     2000.0   1.125       32465      6"), std::string::npos) << page;
  EXPECT_NE(page.find("weights                  8.03"), std::string::npos) << page;
  EXPECT_NE(page.find("train.dp        all_gather      train.weights                404      4.02"), std::string::npos)
      << page;
  EXPECT_EQ(
      head_line(plan, "fixed:250", found_of_stage(), 2),
      "grpo-llama3.1-8b-16xh100-megatron on cluster dgx-h100: one step of 4 samples, in the mean 100 + 250 tokens "
      "(fixed:250), 16 ranks, 2 kinds rehearsed\n");
}

TEST(RehearsalPage, ThePlanIsCitedForTheStageThatItMeans) {
  const spec::Plan plan = plan::make_plan({.job = "grpo-llama3.1-8b-16xh100-megatron", .cluster = "dgx-h100"}).plan;
  int cited = 0;
  for (const std::int64_t rank : {0, 1, 8}) {
    const ordered_json owners = predicted_owners(plan, rank, "train");
    if (owners.is_null()) continue;
    ++cited;
    EXPECT_GT(owners["weights"].get<double>(), 8e9);
    EXPECT_FALSE(owners.contains("context"));
  }
  EXPECT_GT(cited, 0);
  EXPECT_TRUE(predicted_owners(plan, 0, "no such phase").is_null());
}

}  // namespace
}  // namespace muster::rehearse
