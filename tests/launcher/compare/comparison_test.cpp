#include "launcher/compare/comparison.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/base/text.h"
#include "tests/launcher/records/run_fixture.h"

namespace muster::compare {
namespace {

records::RunRecords run_of(std::int64_t steps, double slower = 1) {
  records::RunRecords records;
  for (std::int64_t step = 1; step <= steps; ++step) {
    spec::StepRecord record = tests::sums_step(step);
    record.step_to_step_s *= slower;
    record.tokens_per_s_per_gpu /= slower;
    records.steps[step] = record;
    records.validations[step] = {.step = step, .pass_1 = 0.01 * static_cast<double>(step)};
  }
  return records;
}

TEST(Comparison, OfRunsEndsAtTheLastStepThatBothHave) {
  const records::RunRecords shorter = run_of(4), longer = run_of(12, 2);
  const std::int64_t last = common_step(shorter, longer);
  EXPECT_EQ(last, 4);
  const Side first = side_of_run("a", tests::sums_plan().job, shorter, last);
  const Side second = side_of_run("b", tests::sums_plan().job, longer, last);
  EXPECT_EQ(first.figures.at("steps"), 4);
  EXPECT_EQ(second.figures.at("steps"), 12);
  EXPECT_EQ(first.figures.at("reward_first"), 0.125);
  // Steps 2 to 4, without the first: 0.1875, 0.25, 0.3125.
  EXPECT_EQ(first.figures.at("reward_lately"), 0.25);
  EXPECT_EQ(second.figures.at("reward_lately"), 0.25);
  EXPECT_EQ(second.figures.at("held_out_pass_1"), 0.04);
  const auto value = comparison_value(first, second);
  EXPECT_EQ(value["figures"]["step_s"]["ratio"], 2);
  EXPECT_EQ(value["figures"]["tokens_per_s_per_gpu"]["ratio"], 0.5);
  EXPECT_TRUE(value["figures"]["reward_s"]["ratio"].is_null()) << "0 in both";
  EXPECT_TRUE(value["settings"].empty());
}

TEST(Comparison, NamesEverySettingThatDiffers) {
  spec::Job other = tests::sums_plan().job;
  other.grpo.prompts_per_step = 16;
  other.train.tp = 2;
  const Side first = side_of_run("a", tests::sums_plan().job, run_of(2), 2),
             second = side_of_run("b", other, run_of(2), 2);
  const auto settings = comparison_value(first, second)["settings"];
  EXPECT_EQ(settings.size(), 2u);
  EXPECT_EQ(settings["grpo.prompts_per_step"]["first"], "8");
  EXPECT_EQ(settings["grpo.prompts_per_step"]["second"], "16");
  EXPECT_TRUE(settings["train.tp"]["first"].is_null()) << "the default";
  const std::string page = comparison_page(first, second);
  EXPECT_NE(page.find("settings that differ"), std::string::npos) << page;
  EXPECT_NE(page.find("(default)"), std::string::npos) << page;
}

TEST(Comparison, WithARowSaysWhoseFiguresThoseAre) {
  const Side run = side_of_run("a", tests::sums_plan().job, run_of(12), 12);
  const Side row = side_of_row({.id = "v0-row", .system = "H100", .gpus = 16, .tokens_per_s_per_gpu = 2500}, {});
  const auto value = comparison_value(run, row);
  EXPECT_EQ(value["figures"]["tokens_per_s_per_gpu"]["ratio"], 2);
  EXPECT_TRUE(value["figures"]["step_s"]["second"].is_null()) << "the row prints none";
  EXPECT_NE(comparison_page(run, row).find("v0-row has NVIDIA's figures of NeMo RL on 16 GPUs of H100"),
            std::string::npos);
}

TEST(Comparison, OfARunWithoutStepsHasItsSettings) {
  const Side empty = side_of_run("a", tests::sums_plan().job, {}, 0), run = side_of_run("b", {}, run_of(3), 3);
  EXPECT_EQ(empty.figures.at("steps"), 0);
  EXPECT_FALSE(comparison_value(empty, run)["settings"].empty());
}

TEST(Comparison, StaysWithinItsColumnsAndShowsNoControlCharacters) {
  spec::Job other = tests::sums_plan().job;
  other.name = "\x1b[31m" + std::string(300, 'n');
  const Side first = side_of_run(std::string(200, 'a'), tests::sums_plan().job, run_of(12), 12);
  const std::string page = comparison_page(first, side_of_run("b", other, run_of(12), 12));
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
  for (const std::string& line : base::split(page, '\n')) EXPECT_LE(line.size(), 100u) << line;
}

}  // namespace
}  // namespace muster::compare
