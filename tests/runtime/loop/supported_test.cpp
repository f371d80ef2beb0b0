#include "runtime/loop/supported.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"

namespace muster::loop {
namespace {

TEST(Supported, WhatRunsIsNotRefused) {
  spec::Plan plan;
  plan.job.gen.tp = plan.job.train.dp = 2;
  EXPECT_NO_THROW(check_supported(plan, "plan.toml"));
}

TEST(Supported, EachAxisAndModeThatDoesNotRunIsRefusedByName) {
  spec::Plan plan;
  plan.job.train.pp = 2;
  plan.job.train.fsdp = 1;
  plan.job.async.enabled = true;
  plan.job.gen.dtype = spec::DataType::fp8;
  plan.job.checkpoint.every = 10;
  try {
    check_supported(plan, "plan.toml");
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.faults().size(), 5u);
    for (const char* name : {"train.pp = 2", "train.fsdp = 1", "async.enabled", "fp8", "checkpoint.every = 10"})
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << name << " in " << error.what();
  }
}

TEST(Supported, SharedPromptsAreRefusedOnAGpuOnly) {
  spec::Plan plan;
  plan.job.train.share_prompt = true;
  EXPECT_NO_THROW(check_supported(plan, "plan.toml"));
  plan.device = "cuda";
  EXPECT_THROW(check_supported(plan, "plan.toml"), Error);
}

}  // namespace
}  // namespace muster::loop
