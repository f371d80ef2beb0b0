#include "launcher/progress/block.h"

#include <gtest/gtest.h>

#include "runtime/base/text.h"
#include "tests/launcher/progress/golden.h"
#include "tests/launcher/records/run_fixture.h"

namespace muster::progress {

using page::columns_of;
using page::Line;
using page::Style;
using records::RunRecords;
namespace {

RunRecords after_steps(std::int64_t steps) {
  RunRecords records;
  for (std::int64_t step = 1; step <= steps; ++step) records.steps[step] = tests::sums_step(step);
  return records;
}

std::string shown(const spec::Plan& plan, const RunRecords& records, const Moment& moment, const Style& style) {
  std::string out;
  for (const Line& line : block_lines(plan, records, moment, style)) out += line.rendered(style) + "\n";
  return out;
}

TEST(Block, IsLaidOutForEveryWidth) {
  const Moment moment{.elapsed_s = 72, .since_last_s = 4.25};
  std::string all;
  for (const std::int64_t columns : {119, 79, 59, 39, 19})
    for (const bool utf8 : {true, false})
      all += base::text("--- ", columns, utf8 ? " utf-8\n" : " ascii\n") +
             shown(tests::sums_plan(), after_steps(7), moment, {.columns = columns, .utf8 = utf8});
  tests::expect_golden("blocks.txt", all);
}

TEST(Block, HasItsColours) {
  tests::expect_golden("block_colors.txt",
                       shown(tests::sums_plan(), after_steps(7), {.elapsed_s = 72, .since_last_s = 4.25},
                             {.columns = 79, .utf8 = true, .color = true}));
}

TEST(Block, IsNeverWiderThanTheTerminalNorHigherThanSixLines) {
  RunRecords records = after_steps(12);
  for (auto& [number, step] : records.steps) step.mfu = 0.4321;
  RunRecords warming;
  warming.start.load_s = 1;
  warming.warmup.updates = 24;
  warming.warmup.checks = {0.01, 0.05, 0.12};
  spec::Plan plan = tests::sums_plan();
  plan.job.name = "a-job-with-a-name-that-is-much-longer-than-anybody-would-like-to-read";
  plan.job.warmup = {.sft_steps = 200, .stop_at_reward = 0.25};
  for (std::int64_t columns = 1; columns < 200; ++columns) {
    const Style style{.columns = columns, .utf8 = true};
    for (const RunRecords* state : {&records, &warming}) {
      const auto lines = block_lines(plan, *state, {.elapsed_s = 100, .since_last_s = 1}, style);
      EXPECT_LE(lines.size(), 6u);
      for (const Line& line : lines) EXPECT_LE(columns_of(line.rendered(style)), columns);
    }
  }
}

TEST(Block, TellsWhatGoesOnBeforeTheFirstStep) {
  spec::Plan plan = tests::sums_plan();
  RunRecords records;
  EXPECT_EQ(doing_text(plan, records), "starting 2 ranks");
  records.start.ranks_started = 1;
  EXPECT_EQ(doing_text(plan, records), "1 of 2 ranks have started");
  records.start.ranks_started = 2;
  EXPECT_EQ(doing_text(plan, records), "all 2 ranks have started, and look for each other");
  records.start.all_met = true;
  EXPECT_EQ(doing_text(plan, records), "loading the model smollm2");
  EXPECT_EQ(shown(plan, records, {.elapsed_s = 3.5}, {.columns = 50}),
            "sums   2 ranks, colocated              elapsed 4 s\n- loading the model smollm2\n");
  records.start.load_s = 1.9;
  EXPECT_EQ(doing_text(plan, records), "step 1 of 12");
}

TEST(Block, ShowsTheSupervisedStart) {
  spec::Plan plan = tests::sums_plan();
  plan.job.warmup = {.sft_steps = 200, .stop_at_reward = 0.25};
  plan.job.selftest.start_prompts = 1024;
  RunRecords records;
  records.start.load_s = 0.1;
  EXPECT_EQ(doing_text(plan, records), "supervised start");
  records.warmup.updates = 24;
  records.warmup.loss = 1.25;
  EXPECT_EQ(doing_text(plan, records), "supervised start: update 24 of 200, loss 1.25");
  records.warmup.checks = {0.01, 0.03, 0.12};
  tests::expect_golden("supervised_start.txt", shown(plan, records, {.elapsed_s = 5}, tests::kUtf8));
  records.start.warm_start_done = true;
  EXPECT_EQ(doing_text(plan, records), "measuring the reward on 1024 prompts");
  records.warmup.start_reward = 0.24;
  EXPECT_EQ(doing_text(plan, records), "step 1 of 12");
}

TEST(Block, TellsThatTheLastStepIsDone) {
  const std::string writing = shown(tests::sums_plan(), after_steps(12), {.elapsed_s = 110}, tests::kAscii);
  EXPECT_NE(writing.find("step 12/12  100 %   writing the model"), std::string::npos) << writing;
  const std::string over = shown(tests::sums_plan(), after_steps(12), {.elapsed_s = 110, .over = true}, tests::kAscii);
  EXPECT_NE(over.find("took 1 min 50 s"), std::string::npos) << over;
  EXPECT_EQ(over.find("writing"), std::string::npos) << over;
}

TEST(PlainLine, TellsAStep) {
  EXPECT_EQ(plain_step_line(tests::sums_plan(), tests::sums_step(3), 70),
            "step 3/12 reward 0.25 step 8.2 s generate 2.1 train 5.9 refit 0.1 ETA 1 min 10 s");
  spec::StepRecord quick = tests::sums_step(12);
  quick.step_s = 0.152;
  quick.phases = {{"generate_s", 0.05}, {"reward_s", 0.004}, {"train_s", 0.1}, {"other_s", 0.002}};
  EXPECT_EQ(plain_step_line(tests::sums_plan(), quick, 0),
            "step 12/12 reward 0.81 step 0.152 s generate 0.050 grading 0.004 train 0.100");
}

TEST(Ranks, AreCountedByRole) {
  spec::Plan plan = tests::sums_plan();
  EXPECT_EQ(ranks_text(plan), "2 ranks, colocated");
  plan.num_nodes = 2;
  EXPECT_EQ(ranks_text(plan), "2 ranks on 2 nodes, colocated");
  plan.job.placement.mode = spec::PlacementMode::split;
  plan.train = plan.generate = {};
  EXPECT_EQ(ranks_text(plan), "1 + 1 ranks, split");
}

TEST(HeldOutText, TellsTheNewestEvaluationBesideTheFirst) {
  RunRecords records;
  EXPECT_EQ(held_out_text(records), "");
  records.validations[0] = {.step = 0, .prompts = 20, .samples_per_prompt = 1, .pass_1 = 0.3};
  EXPECT_EQ(held_out_text(records), "pass@1 0.300 before step 1, 20 prompts");
  records.validations[40] = {
      .step = 40, .prompts = 20, .samples_per_prompt = 4, .pass_1 = 0.4125, .maj_k = 0.5, .timeouts = 2};
  EXPECT_EQ(held_out_text(records), "pass@1 0.412 after step 40 (first 0.300), maj@4 0.500, 2 not graded, 20 prompts");
}

TEST(Block, HasALineOfTheHeldOutRowsWhereTheyWereEvaluated) {
  RunRecords records;
  records.steps[1] = tests::sums_step(1);
  const auto without = block_lines(tests::sums_plan(), records, {}, tests::kUtf8);
  records.validations[1] = {.step = 1, .prompts = 8, .samples_per_prompt = 1, .pass_1 = 0.25};
  const auto with = block_lines(tests::sums_plan(), records, {}, tests::kUtf8);
  ASSERT_EQ(with.size(), without.size() + 1);
  EXPECT_EQ(with[3].rendered(tests::kUtf8), "held out   pass@1 0.250 after step 1, 8 prompts");
}

}  // namespace
}  // namespace muster::progress
