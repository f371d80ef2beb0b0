#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "runtime/spec/parameters.h"
#include "runtime/spec/toml_reader.h"

namespace muster::spec {
namespace {

Job sound() {
  Job job;
  job.name = "sound";
  job.model.path = "/m";
  job.data.path = "builtin:sums";
  return job;
}

struct Verdict {
  std::vector<base::Fault> faults;
  std::vector<std::string> warnings;
};

Verdict verdict(const std::function<void(Job&)>& change) {
  Job job = sound();
  change(job);
  const ModelFacts facts = named_model_facts(
      "qwen2.5-7b", std::filesystem::path(MUSTER_SOURCE_DIR) / "templates");  // 28 heads, 4 key/value heads
  base::Faults faults;
  Verdict result;
  check_job(job, &facts, "job.toml", faults, result.warnings);
  result.faults = faults.list();
  return result;
}

std::string only_fault(const std::function<void(Job&)>& change) {
  const Verdict result = verdict(change);
  if (result.faults.size() != 1) return std::to_string(result.faults.size()) + " faults";
  EXPECT_FALSE(result.faults[0].fix.empty()) << result.faults[0].what;
  return result.faults[0].what;
}

TEST(CheckJob, ASoundJobPasses) {
  EXPECT_TRUE(verdict([](Job&) {}).faults.empty());
}

TEST(CheckJob, SaysWhichDegreesDoNotMultiply) {
  EXPECT_EQ(only_fault([](Job& j) {
              j.train.tp = 2;
              j.train.dp = 2;
              j.gen.dp = 8;
            }),
            "colocated: train tp 2 x cp 1 x pp 1 x dp 2 = 4 ranks, but gen tp 1 x pp 1 x dp 8 = 8");
}

TEST(CheckJob, SaysWhichHeadsTensorParallelismDoesNotDivide) {
  EXPECT_EQ(only_fault([](Job& j) {
              j.train.tp = 3;
              j.gen.tp = 3;
              j.gen.dp = 1;
              j.placement.mode = PlacementMode::split;
              j.gen.tp = 1;
            }),
            "train.tp = 3 does not divide 28 query heads, 18944 feed-forward width");
  EXPECT_TRUE(verdict([](Job& j) {
                j.train.tp = 4;
                j.gen.dp = 4;
              }).faults.empty());
  const Verdict copies = verdict([](Job& j) {
    j.train.tp = 28;
    j.gen.tp = 28;
  });  // 28 is a multiple of 4 key/value heads, but not of the rest
  EXPECT_EQ(copies.faults.size(), 2u);
}

TEST(CheckJob, HoldsBatchesAgainstEachOther) {
  EXPECT_EQ(only_fault([](Job& j) { j.train.gbs = 100; }),
            "32 prompts x 16 samples = 512, which train.gbs = 100 does not divide");
  EXPECT_EQ(only_fault([](Job& j) {
              j.train.dp = 3;
              j.gen.dp = 3;
            }),
            "an update of 512 samples does not divide over train.dp = 3");
  EXPECT_EQ(
      only_fault([](Job& j) {
        j.loss.force_on_policy = true;
        j.train.gbs = 128;
      }),
      "loss.force_on_policy needs one update a step, but 32 prompts x 16 samples = 512 and train.gbs = 128 make 4");
  EXPECT_EQ(only_fault([](Job& j) { j.grpo.samples_per_prompt = 1; }), "grpo.samples_per_prompt is 1");
  EXPECT_EQ(only_fault([](Job& j) { j.packing.max_tokens = 100; }),
            "packing.max_tokens = 100 is below grpo.max_sequence_tokens = 4096");
  EXPECT_EQ(only_fault([](Job& j) {
              j.packing.enabled = false;
              j.train.mbs = 3;
            }),
            "without packing 512 samples do not divide over train.dp 1 x train.mbs 3 = 3");
}

TEST(CheckJob, WarnsOfALongQueueWithoutInFlightUpdates) {
  const auto with = [](std::int64_t max_staleness) {
    return verdict([&](Job& j) {
      j.async = {.enabled = true, .max_staleness = max_staleness};
      j.placement.mode = PlacementMode::split;
      j.loss.correction = Correction::truncate;
    });
  };
  EXPECT_TRUE(with(1).warnings.empty());
  EXPECT_TRUE(with(8).faults.empty());
  ASSERT_EQ(with(8).warnings.size(), 1u);
  EXPECT_NE(with(8).warnings[0].find("async.max_staleness = 8"), std::string::npos);
}

TEST(CheckJob, KnowsWhichModesGoTogether) {
  EXPECT_EQ(only_fault([](Job& j) { j.train.fsdp = 1; }), "train.fsdp = 1 with train.backend = \"megatron\"");
  EXPECT_EQ(only_fault([](Job& j) {
              j.train.backend = Backend::dtensor;
              j.train.pp = 2;
              j.gen.dp = 2;
            }),
            "train.backend = \"dtensor\" with pp 2 and ep 1");
  EXPECT_EQ(only_fault([](Job& j) {
              j.async.enabled = true;
              j.loss.correction = Correction::truncate;
            }),
            "async needs ranks of its own for the generator");
  const Verdict uncorrected = verdict([](Job& j) {
    j.async.enabled = true;
    j.placement.mode = PlacementMode::split;
  });
  EXPECT_TRUE(uncorrected.faults.empty()) << "a recipe may say so";
  ASSERT_EQ(uncorrected.warnings.size(), 1u);
  EXPECT_TRUE(uncorrected.warnings[0].starts_with("async trains on samples of older weights, but loss.correction is"));
  EXPECT_TRUE(verdict([](Job& j) {
                j.async = {.enabled = true, .max_staleness = 0};
                j.placement.mode = PlacementMode::split;
              }).faults.empty())
      << "no sample is older";
  EXPECT_EQ(only_fault([](Job& j) { j.train.vpp = 2; }), "train.vpp = 2 has no effect with train.pp = 1");
  EXPECT_EQ(only_fault([](Job& j) {
              j.train.pp = 3;
              j.gen.dp = 3;
            }),
            "28 layers do not divide over 3 stages of train");
  EXPECT_TRUE(verdict([](Job& j) {
                j.train.pp = 4;
                j.train.first_stage_layers = 6;
                j.train.last_stage_layers = 8;
                j.gen.dp = 4;
              }).faults.empty());
  EXPECT_EQ(only_fault([](Job& j) {
              j.train.ep = 2;
              j.train.dp = 2;
              j.gen.dp = 2;
            }),
            "train.ep = 2, but the model has no experts");
  EXPECT_EQ(only_fault([](Job& j) { j.requeue.max = 1; }), "requeue.max = 1 without checkpoints");
  EXPECT_EQ(only_fault([](Job& j) { j.validate.every = 5; }), "validation is asked for, but no rows are held out");
  EXPECT_EQ(only_fault([](Job& j) {
              j.validate.every = 5;
              j.data.held_out = 9;
              j.validate.temperature = 0;
              j.validate.samples_per_prompt = 4;
            }),
            "validate.samples_per_prompt = 4 at temperature 0");
  EXPECT_EQ(only_fault([](Job& j) { j.data.held_out = 9, j.data.held_out_share = 0.1; }),
            "data.held_out and data.held_out_share exclude each other");
  EXPECT_TRUE(verdict([](Job& j) { j.validate.at_start = true, j.grpo.steps = 0; }).faults.empty())
      << "where nothing is trained all rows may be looked at";
  EXPECT_EQ(only_fault([](Job& j) { j.placement.gen_nodes = 1; }),
            "placement.gen_nodes has no effect with mode = \"colocated\"");
}

TEST(CheckJob, BoundsTheLossAndTheLengths) {
  EXPECT_EQ(only_fault([](Job& j) { j.loss.dual_clip = 1; }), "loss.dual_clip = 1");
  EXPECT_EQ(only_fault([](Job& j) { j.loss.correction_min = 3; }),
            "loss.correction_min = 3 is above loss.correction_max = 2");
  EXPECT_EQ(only_fault([](Job& j) { j.sampling.temperature = 0; }), "sampling.temperature = 0");
  EXPECT_EQ(only_fault([](Job& j) { j.grpo.max_sequence_tokens = 40000; }),
            "grpo.max_sequence_tokens = 40000, but the model has 32768 positions");
  EXPECT_EQ(only_fault([](Job& j) { j.sampling.max_new_tokens = 4096; }),
            "sampling.max_new_tokens = 4096 leaves no room for a prompt in grpo.max_sequence_tokens = 4096");
  EXPECT_EQ(only_fault([](Job& j) { j.optimizer.min_lr = 1; }), "optimizer.min_lr = 1 is above optimizer.lr = 1e-06");
}

TEST(CheckJob, NamesMissingThingsAndTheNearest) {
  EXPECT_EQ(only_fault([](Job& j) { j.model.path = ""; }), "the job names no model");
  EXPECT_EQ(only_fault([](Job& j) { j.data.path = ""; }), "the job names no data");
  EXPECT_EQ(only_fault([](Job& j) { j.data.path = "builtin:sum"; }), "there is no data \"builtin:sum\"");
  EXPECT_EQ(only_fault([](Job& j) { j.data.sources = {{.path = "a.jsonl"}}; }),
            "data.sources and the keys of one source (path, schema, *_field) exclude each other");
  const auto sources_fault = [](std::vector<DataSource> sources) {
    return only_fault([&](Job& j) {
      j.data.path.clear();
      j.data.sources = std::move(sources);
    });
  };
  EXPECT_EQ(sources_fault({{.path = "a.jsonl"}, {.path = ""}}), "the source names no file");
  EXPECT_EQ(sources_fault({{.path = "a.jsonl", .validate_only = true}}), "every source is validate_only");
  EXPECT_EQ(sources_fault({{.path = "a.jsonl", .weight = 2}, {.path = "b.jsonl"}}),
            "1 of the 2 sources that are trained on have a weight");
  EXPECT_EQ(only_fault([](Job& j) { j.name = "../etc"; }), "name = \"../etc\"");
}

TEST(CheckJob, KnowsWhichPrecisionsGoTogether) {
  EXPECT_EQ(only_fault([](Job& j) {
              j.gen.kv_dtype = CacheType::fp8;
              j.train.pp = 2;
              j.gen.dp = 2;
            }),
            "gen.kv_dtype = \"fp8\" with train.backend = \"megatron\", train.pp = 2");
  EXPECT_EQ(only_fault([](Job& j) { j.train.grad_dtype = DataType::fp8; }), "train.grad_dtype = \"fp8\"");
  EXPECT_EQ(only_fault([](Job& j) {
              j.train.fp8 = true;
              j.model.dtype = DataType::fp32;
            }),
            "train.fp8 with model.dtype = \"fp32\"");
  EXPECT_EQ(verdict([](Job& j) { j.gen.fp8_skip = {"o_proj"}; }).warnings.size(), 1u);
}

TEST(CheckJob, BoundsTheStepTheRatioAndTheLearningRate) {
  EXPECT_EQ(only_fault([](Job& j) { j.grpo.batch_multiplier = 3; }),
            "grpo.batch_multiplier = 3 without dynamic sampling");
  EXPECT_EQ(only_fault([](Job& j) {
              j.grpo.dynamic_sampling = true;
              j.grpo.keep_surplus = j.grpo.normalize = false;
              j.grpo.baseline = Baseline::none;
              j.grpo.samples_per_prompt = 1;
            }),
            "grpo.dynamic_sampling with grpo.samples_per_prompt = 1");
  EXPECT_EQ(verdict([](Job& j) { j.grpo.dynamic_sampling = true; }).warnings.size(), 1u) << "older weights";
  EXPECT_EQ(only_fault([](Job& j) { j.loss.ratio = RatioLevel::sequence; }),
            "loss.ratio = \"sequence\" with loss.reduction = \"token\"");
  EXPECT_EQ(only_fault([](Job& j) {
              j.loss.policy = PolicyForm::cispo;
              j.loss.dual_clip = 3;
            }),
            "loss.policy = \"cispo\" with loss.dual_clip = 3");
  EXPECT_EQ(only_fault([](Job& j) { j.loss.constant_tokens = 3; }),
            "loss.constant_tokens has no effect with loss.reduction = \"token\"");
  EXPECT_EQ(only_fault([](Job& j) { j.loss.correction_level = CorrectionLevel::geometric; }),
            "loss.correction_level has no effect with loss.correction = \"none\"");
  EXPECT_EQ(only_fault([](Job& j) { j.grpo.baseline = Baseline::none; }),
            "grpo.normalize divides by the deviation of a group, but grpo.baseline is \"none\"");
  EXPECT_EQ(only_fault([](Job& j) { j.optimizer.warmup_init_lr = 1; }),
            "optimizer.warmup_init_lr = 1 is above optimizer.lr = 1e-06");
  EXPECT_EQ(only_fault([](Job& j) {
              j.optimizer.warmup_steps = 10;
              j.optimizer.schedule = Schedule::linear;
              j.optimizer.decay_steps = 10;
            }),
            "optimizer.decay_steps = 10 ends within optimizer.warmup_steps = 10");
}

TEST(CheckJob, ARewardHasWhatItsKindNeedsAndNoMore) {
  EXPECT_NE(only_fault([](Job& job) { job.reward.kind = "regex"; }).find("needs a pattern"), std::string::npos);
  EXPECT_NE(only_fault([](Job& job) { job.reward.kind = "command"; }).find("needs a program"), std::string::npos);
  EXPECT_NE(only_fault([](Job& job) { job.reward.pattern = "a"; }).find("has no effect"), std::string::npos);
  EXPECT_NE(only_fault([](Job& job) { job.reward.environment = {"KEY"}; }).find("has no effect"), std::string::npos);
  EXPECT_EQ(only_fault([](Job& job) {
              job.reward.kind = "command";
              job.reward.command = {"true"};
              job.reward.environment = {"KEY", "KEY=secret"};
            }),
            "'KEY=secret' is no name of a variable");
  EXPECT_NE(only_fault([](Job& job) {
              job.reward.kind = "exact";
              job.reward.parts = {{}};
            }).find("has no effect beside"),
            std::string::npos);
  EXPECT_NE(only_fault([](Job& job) { job.reward.parts = {{}, {}}; }).find("called \"math\""), std::string::npos);
  EXPECT_NE(only_fault([](Job& job) { job.reward.parts = {{.name = "shaping"}}; }).find("the records call"),
            std::string::npos);
  EXPECT_NE(only_fault([](Job& job) { job.reward.source_min = 1; }).find("not below"), std::string::npos);
  EXPECT_NE(only_fault([](Job& job) { job.reward.overlong_buffer = 1'000'000; }).find("more than the limit"),
            std::string::npos);
  EXPECT_NE(only_fault([](Job& job) {
              job.reward.overlong_buffer = 10;
              job.reward.truncated_factor = 0.5;
            }).find("both shape"),
            std::string::npos);
  EXPECT_TRUE(verdict([](Job& job) {
                job.reward.parts = {{.name = "right"}, {.kind = "regex", .weight = 0.1, .pattern = "a"}};
                job.reward.target_min = -1;
              }).faults.empty());
}

TEST(CheckJob, ForcedLengthsAndRandomRewardsBelongTogether) {
  const auto synthetic = [](Job& j) {
    j.sampling.lengths = "fixed:100";
    j.reward.kind = "random";
  };
  EXPECT_TRUE(verdict(synthetic).faults.empty());
  EXPECT_EQ(only_fault([](Job& j) { j.sampling.lengths = "fixed:100"; }),
            "answers of forced lengths have no meaning that a reward could grade");
  EXPECT_EQ(only_fault([](Job& j) { j.reward.kind = "random"; }), "random rewards teach nothing");
  EXPECT_EQ(only_fault([&](Job& j) {
              synthetic(j);
              j.sampling.lengths = "fixed:none";
            }),
            "'none' is no length of an answer");
  EXPECT_EQ(only_fault([&](Job& j) {
              synthetic(j);
              j.warmup.sft_steps = 3;
            }),
            "a synthetic run (sampling.lengths) has nothing to start from");
  const auto nameless = [](Job& j) {
    j.model = {.name = "qwen2.5-7b", .weights = "random"};
    j.checkpoint.final_model = false;
  };
  EXPECT_EQ(only_fault(nameless), "without a model folder there is no tokenizer");
  const auto both = [&](Job& j) {
    nameless(j);
    synthetic(j);
  };
  EXPECT_TRUE(verdict(both).faults.empty());
  EXPECT_EQ(only_fault([&](Job& j) {
              both(j);
              j.checkpoint.final_model = true;
            }),
            "checkpoint.final_model without model.path");
}

TEST(CheckJob, WarnsOfWhatIsLegalButFoolish) {
  EXPECT_EQ(verdict([](Job& j) { j.gen.dtype = DataType::fp8; }).warnings.size(), 1u);
  EXPECT_EQ(verdict([](Job& j) {
              j.grpo.steps = 5;
              j.optimizer.warmup_steps = 10;
            }).warnings.size(),
            1u);
}

TEST(CheckJob, ATemperatureByWhichNothingCanBeDividedIsRefused) {
  EXPECT_EQ(only_fault([](Job& j) { j.sampling.temperature = 1e-300; }),
            "sampling.temperature = 1e-300: logits divided by it are no numbers");
  EXPECT_EQ(only_fault([](Job& j) { j.validate.temperature = 1e-9; }),
            "validate.temperature = 1e-09: logits divided by it are no numbers");
  EXPECT_EQ(only_fault([](Job& j) { j.validate.temperature = -0.5; }), "validate.temperature = -0.5");
  EXPECT_TRUE(verdict([](Job& j) { j.sampling.temperature = 0.01; }).faults.empty());
}

TEST(CheckJob, ACacheThatHoldsNoWholeSequenceIsRefused) {
  // 28 layers, 4 key/value heads of 128, bf16: a page of 16 tokens has 917,504 bytes; 4,096 tokens need 256 of them.
  EXPECT_EQ(only_fault([](Job& j) { j.gen.kv_gb = 1e-5; }),
            "gen.kv_gb = 1e-05 is a cache of 0 pages, but one sequence of 4096 tokens needs 256 of 16 tokens each");
  EXPECT_EQ(only_fault([](Job& j) { j.gen.kv_gb = 0.2; }),
            "gen.kv_gb = 0.2 is a cache of 217 pages, but one sequence of 4096 tokens needs 256 of 16 tokens each");
  EXPECT_TRUE(verdict([](Job& j) { j.gen.kv_gb = 0.24; }).faults.empty());
}

TEST(CheckJob, CudaGraphsThatSomebodyAsksForAreSaidToHaveNoEffect) {
  const auto warnings_with = [](bool wanted) {
    Job job = sound();
    job.gen.cuda_graphs = wanted;
    base::Faults faults;
    std::vector<std::string> warnings;
    const KeyPlaces places{.file = "job.toml", .keys = {{"gen.cuda_graphs", "job.toml:3:1"}}};
    check_job(job, nullptr, places, faults, warnings);
    return std::count_if(warnings.begin(), warnings.end(),
                         [](const std::string& text) { return text.find("gen.cuda_graphs") != std::string::npos; });
  };
  EXPECT_EQ(warnings_with(true), 1);
  EXPECT_EQ(warnings_with(false), 0);
}

}  // namespace
}  // namespace muster::spec
