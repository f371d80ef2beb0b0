#include "launcher/run/evaluate.h"

#include <gtest/gtest.h>

#include "launcher/plan/plan.h"

namespace muster::run {
namespace {

std::vector<std::string> overrides_of(const std::string& model, const std::vector<std::string>& overrides) {
  EvaluateOptions options;
  options.model = model;
  options.overrides = overrides;
  return evaluation_overrides(options);
}

TEST(Evaluate, AShippedJobBecomesOneLookThatFitsAPlan) {
  const plan::Planned planned =
      plan::make_plan({.job = "reverse-digits", .overrides = overrides_of("", {"validate.samples_per_prompt=4"})});
  const spec::Job& job = planned.plan.job;
  EXPECT_EQ(job.grpo.steps, 0);
  EXPECT_EQ(job.warmup.sft_steps, 0);
  EXPECT_TRUE(job.validate.at_start);
  EXPECT_EQ(job.validate.samples_per_prompt, 4);
  EXPECT_FALSE(job.checkpoint.final_model);
}

TEST(Evaluate, WhatWasTypedComesLast) {
  const auto overrides = overrides_of("/a \"b\"/model", {"log.samples=3"});
  EXPECT_EQ(overrides.back(), "log.samples=3");
  EXPECT_NE(std::find(overrides.begin(), overrides.end(), "model.path=\"/a \\\"b\\\"/model\""), overrides.end());
}

TEST(Evaluate, ThePageSaysWhatWasSeen) {
  spec::Plan plan;
  plan.job.name = "sums";
  plan.job.model.path = "/models/m";
  const spec::ValidationRecord record{.seconds = 12,
                                      .prompts = 64,
                                      .samples_per_prompt = 4,
                                      .pass_1 = 0.5,
                                      .pass_k = 0.875,
                                      .mean_k = 0.5,
                                      .maj_k = 0.75,
                                      .mean_answer_tokens = 9.25,
                                      .truncated = 0.125,
                                      .timeouts = 1};
  const std::string page = evaluation_page(
      plan, record, {{.prompt = "3 + 4?", .text = "7", .outcome = "graded", .reward = 1}}, page::Style{});
  for (const char* line :
       {"sums: /models/m", "64 prompts x 4 samples, in 12", "pass@1    0.500", "maj@4     0.750", "pass@4    0.875",
        "9.2 tokens in the mean, 12.5 % cut off", "1 timeouts, 0 failures", "3 + 4?"})
    EXPECT_NE(page.find(line), std::string::npos) << line << " in\n" << page;
}

}  // namespace
}  // namespace muster::run
