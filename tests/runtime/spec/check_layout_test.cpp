#include "runtime/spec/check_layout.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace muster::spec {
namespace {

struct Verdict {
  std::vector<base::Fault> faults;
  std::vector<std::string> warnings;
};

/// Qwen3-32B: 64 layers, 64 heads, 8 key/value heads.
Verdict verdict(const std::function<void(Job&)>& change, const char* model = "qwen3-32b") {
  Job job;
  job.placement.mode = PlacementMode::split;
  change(job);
  const ModelFacts facts = named_model_facts(model, std::filesystem::path(MUSTER_SOURCE_DIR) / "templates");
  base::Faults faults;
  Verdict result;
  check_layout(job, &facts, KeyPlaces{.file = "job.toml", .keys = {}}, faults, result.warnings);
  result.faults = faults.list();
  return result;
}

base::Fault only_fault(const std::function<void(Job&)>& change, const char* model = "qwen3-32b") {
  const Verdict result = verdict(change, model);
  if (result.faults.size() != 1) return {std::to_string(result.faults.size()) + " faults", "", ""};
  return result.faults[0];
}

std::string only_warning(const std::function<void(Job&)>& change) {
  const Verdict result = verdict(change);
  EXPECT_TRUE(result.faults.empty()) << result.faults[0].what;
  if (result.warnings.size() != 1) return std::to_string(result.warnings.size()) + " warnings";
  return result.warnings[0];
}

TEST(NearestLegal, LooksOnBothSides) {
  const auto divides_512 = [](std::int64_t value) { return 512 % value == 0; };
  EXPECT_EQ(nearest_legal(100, 512, divides_512), "64 or 128");
  EXPECT_EQ(nearest_legal(600, 512, divides_512), "512");
  EXPECT_EQ(nearest_legal(std::int64_t{1} << 60, std::int64_t{1} << 60, [](auto) { return false; }), "");
}

TEST(BubbleShare, IsTheWaitingOfARankAgainstItsWork) {
  EXPECT_DOUBLE_EQ(bubble_share(1, 1, 5), 0);
  EXPECT_DOUBLE_EQ(bubble_share(4, 1, 9), 0.25);
  EXPECT_DOUBLE_EQ(bubble_share(4, 3, 3), 0.25);
}

TEST(CheckLayout, MendsNameTheNearestLegalValues) {
  EXPECT_EQ(only_fault([](Job& j) { j.train.gbs = 100; }).fix, "set train.gbs = 64 or 128, or 0 for one update a step");
  EXPECT_EQ(only_fault([](Job& j) { j.train.dp = 7; }).fix,
            "set train.dp = 4 or 8, or change train.gbs (0: all, 32 prompts x 16 samples = 512)");
  const base::Fault stages = only_fault([](Job& j) { j.train.pp = 6; });
  EXPECT_EQ(stages.what, "64 layers do not divide over 6 stages of train");
  EXPECT_EQ(
      stages.fix,
      "set train.pp = 4 or 8, or first_stage_layers = 10 and last_stage_layers = 10 with 11 in each of the others");
  EXPECT_TRUE(verdict([](Job& j) {
                j.train.pp = 6;
                j.train.first_stage_layers = j.train.last_stage_layers = 10;
              }).faults.empty());
  EXPECT_EQ(only_fault([](Job& j) { j.gen.pp = 3; }).fix, "set gen.pp = 2 or 4");
}

TEST(CheckLayout, SequencesMustDivideIntoTheirChunks) {
  const base::Fault fault = only_fault([](Job& j) {
    j.train.cp = 4;
    j.train.tp = 8;
    j.train.sequence_parallel = true;
    j.grpo.max_sequence_tokens = 1500;
  });
  EXPECT_EQ(
      fault.what,
      "grpo.max_sequence_tokens = 1500 is no multiple of 64, but sequences are cut into 2 x train.cp 4 x train.tp 8");
  EXPECT_EQ(fault.fix, "set it to 1472 or 1536");
}

TEST(CheckLayout, WarnsOfBubblesWithTheirShare) {
  EXPECT_EQ(only_warning([](Job& j) {
              j.train.pp = 16;
              j.train.dp = 16;
            }),
            "train.pp = 16 with at most 32 micro batches of a rank in an update: 32 % of a pipeline's time is bubble; "
            "lower train.pp or train.dp, or raise train.gbs");
  EXPECT_TRUE(verdict([](Job& j) { j.train.pp = 16; }).warnings.empty());
}

TEST(CheckLayout, WarnsOfReplicasWithoutAMicroBatch) {
  EXPECT_EQ(only_warning([](Job& j) {
              j.train.dp = 64;
              j.train.mbs = 16;
            }),
            "an update of 512 samples fills at most 32 micro batches of train.mbs = 16 rows: 32 of train.dp = 64 "
            "replicas may have nothing to do");
}

TEST(CheckLayout, OtherShapesOfThePassesWithoutGradientAreAWarning) {
  const auto shapes = [](Job& j) {
    j.train.tp = 4;
    j.train.logprob_mbs = 4;
  };
  EXPECT_NE(only_warning(shapes).find("train.logprob_mbs = 4 beside train.mbs = 1 with train.tp = 4"),
            std::string::npos);
  EXPECT_TRUE(verdict([&](Job& j) {
                shapes(j);
                j.loss.force_on_policy = true;
              }).warnings.empty());
}

TEST(CheckLayout, ASettingWithoutEffectIsNamed) {
  EXPECT_EQ(only_warning([](Job& j) { j.train.sequence_parallel = true; }),
            "train.sequence_parallel has no effect with train.tp = 1");
  EXPECT_EQ(only_warning([](Job& j) { j.moe.router_dtype = "fp64"; }), "[moe] has no effect: the model has no experts");
}

TEST(CheckLayout, ExpertsDivideOverTheirRanks) {
  const char* model = "qwen3-30b-a3b";
  const auto spread = [](Job& job) { job.train.dp = 24, job.grpo.prompts_per_step = 24; };
  base::Fault fault = only_fault([&](Job& job) { spread(job), job.train.ep = 12; }, model);
  EXPECT_EQ(fault.what, "train.ep = 12 does not divide 128 experts");
  EXPECT_EQ(fault.fix, "set train.ep = 8 or 16");
  EXPECT_TRUE(verdict([&](Job& job) { spread(job), job.train.ep = 8; }, model).faults.empty());
  fault = only_fault([](Job& job) { job.gen.tp = 32, job.grpo.prompts_per_step = 32; }, "nemotron-3-nano-30b-a3b");
  EXPECT_EQ(fault.what, "gen.tp = 32 does not divide 8 Mamba groups");
  EXPECT_EQ(fault.fix, "tp can be 1, 2, 4, 8");
}

}  // namespace
}  // namespace muster::spec
