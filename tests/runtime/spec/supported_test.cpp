#include "runtime/spec/supported.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "tests/support/small_facts.h"

namespace muster::spec {
namespace {

TEST(Supported, WhatRunsIsNotRefused) {
  Plan plan;
  plan.job.gen.tp = plan.job.train.dp = plan.job.train.cp = 2;
  plan.job.train.pp = plan.job.train.vpp = 2;
  EXPECT_NO_THROW(check_supported(plan, "plan.toml"));
  plan.job.train.pp = plan.job.train.vpp = 1;
  plan.job.train.backend = Backend::dtensor;
  plan.job.train.fsdp = 1;
  EXPECT_NO_THROW(check_supported(plan, "plan.toml"));
}

TEST(Supported, EachAxisAndModeThatDoesNotRunIsRefusedByName) {
  Plan plan;
  plan.job.train.fp8 = true;
  plan.job.gen.draft_tokens = 2;
  plan.job.gen.dtype = DataType::fp8;
  try {
    check_supported(plan, "plan.toml");
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.faults().size(), 3u);
    for (const char* name : {"train.fp8 = true", "gen.draft_tokens = 2", "fp8"})
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << name << " in " << error.what();
  }
}

TEST(Supported, EverySettingThatTheStepWouldIgnoreIsRefusedByName) {
  const std::vector<std::pair<std::string, void (*)(Job&)>> settings{
      {"train.etp = 2", [](Job& job) { job.train.etp = 2; }},
      {"train.fp8 = true", [](Job& job) { job.train.fp8 = true; }},
      {"moe.bias_update_rate = 0.001", [](Job& job) { job.moe.bias_update_rate = 0.001; }},
      {"grpo.dynamic_sampling = true with async.enabled",
       [](Job& job) { job.grpo.dynamic_sampling = job.async.enabled = true; }},
      {"loss.ratio = \"sequence\" with train.cp = 2",
       [](Job& job) {
         job.loss.ratio = RatioLevel::sequence;
         job.train.cp = 2;
       }},
      {"loss.correction = \"mask_samples\" with train.cp = 2",
       [](Job& job) {
         job.loss.correction = Correction::mask_samples;
         job.train.cp = 2;
       }},
      {"loss.correction_level = \"geometric\" with train.cp = 2",
       [](Job& job) {
         job.loss.correction = Correction::mask;
         job.loss.correction_level = CorrectionLevel::geometric;
         job.train.cp = 2;
       }},
      {"gen.draft_tokens = 1", [](Job& job) { job.gen.draft_tokens = 1; }},
      {"gen.kv_dtype = \"fp8\"", [](Job& job) { job.gen.kv_dtype = CacheType::fp8; }},
  };
  for (const auto& [name, change] : settings) {
    Plan plan;
    change(plan.job);
    try {
      check_supported(plan, "plan.toml");
      ADD_FAILURE() << name << " is not refused";
    } catch (const Error& error) {
      ASSERT_EQ(error.faults().size(), 1u) << name;
      EXPECT_NE(error.faults()[0].what.find(name), std::string::npos) << error.faults()[0].what;
      EXPECT_FALSE(error.faults()[0].fix.empty()) << name;
    }
  }
  Plan plan;
  plan.job.train.logprob_mbs = plan.job.train.mbs = 4;
  EXPECT_NO_THROW(check_supported(plan, "plan.toml"));
}

TEST(Supported, OneSentenceNamesEverySetting) {
  Plan plan;
  EXPECT_TRUE(unsupported(plan).empty());
  plan.job.train.fp8 = true;
  plan.job.gen.draft_tokens = 2;
  EXPECT_EQ(unsupported_text(unsupported(plan)), "the runtime does not run train.fp8 = true, gen.draft_tokens = 2 yet");
}

TEST(Supported, FamiliesThatCanOnlyBePlannedAreRefusedByName) {
  Plan plan;
  plan.model = tests::small_facts(Family::nemotron_h, false);
  try {
    check_supported(plan, "plan.toml");
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("does not run models of the family nemotron_h"), std::string::npos)
        << error.what();
  }
}

TEST(Supported, LatentAttentionRunsAndOnAGpuWithThePlainForm) {
  Plan plan;
  plan.model = tests::small_facts(Family::deepseek_v3, false);
  EXPECT_TRUE(unsupported(plan).empty());
  plan.device = "cuda";
  plan.job.train.share_prompt = false;
  EXPECT_EQ(unsupported_text(unsupported(plan)),
            "the runtime does not run latent attention on cuda with allow_fallback = false yet");
  plan.job.allow_fallback = true;
  EXPECT_TRUE(unsupported(plan).empty());
}

TEST(Supported, ExpertsRunByEveryAxisButHalfCut) {
  Plan plan;
  plan.model = tests::small_facts(Family::qwen3_moe, false);
  plan.job.train.tp = 2;
  plan.job.train.ep = plan.job.train.dp = plan.job.gen.ep = 4;
  plan.job.moe.router_dtype = "fp64";
  EXPECT_TRUE(unsupported(plan).empty());
  plan.job.train.ep = 1;
  plan.job.train.etp = 2;
  EXPECT_TRUE(unsupported(plan).empty());
  plan.job.train.ep = 2;
  EXPECT_EQ(unsupported_text(unsupported(plan)),
            "the runtime does not run train.etp = 2 with train.tp = 2 and train.ep = 2 yet");
}

TEST(Supported, SharedPromptsAreRefusedOnAGpuOnly) {
  Plan plan;
  plan.job.train.share_prompt = true;
  EXPECT_NO_THROW(check_supported(plan, "plan.toml"));
  plan.device = "cuda";
  plan.model.head_dim = 64;
  EXPECT_THROW(check_supported(plan, "plan.toml"), Error);
  plan.job.train.share_prompt = false;
  EXPECT_NO_THROW(check_supported(plan, "plan.toml"));
}

TEST(Supported, HeadsThatNoKernelTakesAreRefusedOnAGpuOnly) {
  Plan plan;
  plan.model.hidden_size = 64;
  plan.model.head_dim = 16;
  plan.job.train.share_prompt = false;
  EXPECT_NO_THROW(check_supported(plan, "plan.toml"));
  plan.device = "cuda";
  EXPECT_THROW(check_supported(plan, "plan.toml"), Error);
}

}  // namespace
}  // namespace muster::spec
