#include "runtime/loop/supported.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "tests/support/small_facts.h"

namespace muster::loop {
namespace {

TEST(Supported, WhatRunsIsNotRefused) {
  spec::Plan plan;
  plan.job.gen.tp = plan.job.train.dp = 2;
  plan.job.train.pp = plan.job.train.vpp = 2;
  EXPECT_NO_THROW(check_supported(plan, "plan.toml"));
  plan.job.train.pp = plan.job.train.vpp = 1;
  plan.job.train.backend = spec::Backend::dtensor;
  plan.job.train.fsdp = 1;
  EXPECT_NO_THROW(check_supported(plan, "plan.toml"));
}

TEST(Supported, EachAxisAndModeThatDoesNotRunIsRefusedByName) {
  spec::Plan plan;
  plan.job.train.cp = 2;
  plan.job.async.enabled = true;
  plan.job.gen.dtype = spec::DataType::fp8;
  try {
    check_supported(plan, "plan.toml");
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.faults().size(), 3u);
    for (const char* name : {"train.cp = 2", "async.enabled", "fp8"})
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << name << " in " << error.what();
  }
}

TEST(Supported, EverySettingThatTheStepWouldIgnoreIsRefusedByName) {
  const std::vector<std::pair<std::string, void (*)(spec::Job&)>> settings{
      {"train.etp = 2", [](spec::Job& job) { job.train.etp = 2; }},
      {"train.sequence_parallel", [](spec::Job& job) { job.train.sequence_parallel = true; }},
      {"train.fp8 = true", [](spec::Job& job) { job.train.fp8 = true; }},
      {"train.recompute = \"mlp\"", [](spec::Job& job) { job.train.recompute = spec::Recompute::mlp; }},
      {"moe.bias_update_rate = 0.001", [](spec::Job& job) { job.moe.bias_update_rate = 0.001; }},
      {"grpo.dynamic_sampling", [](spec::Job& job) { job.grpo.dynamic_sampling = true; }},
      {"loss.ratio = \"sequence\"", [](spec::Job& job) { job.loss.ratio = spec::RatioLevel::sequence; }},
      {"gen.draft_tokens = 1", [](spec::Job& job) { job.gen.draft_tokens = 1; }},
      {"gen.kv_dtype = \"fp8\"", [](spec::Job& job) { job.gen.kv_dtype = spec::CacheType::fp8; }},
  };
  for (const auto& [name, change] : settings) {
    spec::Plan plan;
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
  spec::Plan plan;
  plan.job.train.logprob_mbs = plan.job.train.mbs = 4;
  EXPECT_NO_THROW(check_supported(plan, "plan.toml"));
}

TEST(Supported, FamiliesThatCanOnlyBePlannedAreRefusedByName) {
  for (const auto& [family, name] :
       std::vector<std::pair<spec::Family, std::string>>{{spec::Family::qwen3_moe, "qwen3_moe"},
                                                         {spec::Family::deepseek_v3, "deepseek_v3"},
                                                         {spec::Family::nemotron_h, "nemotron_h"}}) {
    spec::Plan plan;
    plan.model = tests::small_facts(family, false);
    try {
      check_supported(plan, "plan.toml");
      FAIL() << "no throw";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("does not run models of the family " + name), std::string::npos)
          << error.what();
    }
  }
}

TEST(Supported, SharedPromptsAreRefusedOnAGpuOnly) {
  spec::Plan plan;
  plan.job.train.share_prompt = true;
  EXPECT_NO_THROW(check_supported(plan, "plan.toml"));
  plan.device = "cuda";
  plan.model.head_dim = 64;
  EXPECT_THROW(check_supported(plan, "plan.toml"), Error);
  plan.job.train.share_prompt = false;
  EXPECT_NO_THROW(check_supported(plan, "plan.toml"));
}

TEST(Supported, HeadsThatNoKernelTakesAreRefusedOnAGpuOnly) {
  spec::Plan plan;
  plan.model.head_dim = 16;
  plan.job.train.share_prompt = false;
  EXPECT_NO_THROW(check_supported(plan, "plan.toml"));
  plan.device = "cuda";
  EXPECT_THROW(check_supported(plan, "plan.toml"), Error);
}

}  // namespace
}  // namespace muster::loop
