// Every layout gives the run of one rank: same tokens and rewards, losses and gradients within 1e-5; and one plan run
// twice with one thread is the same run. Whole programs, real processes, the tiny job.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/json_lines.h"
#include "runtime/spec/plan.h"
#include "tests/support/command.h"
#include "tests/support/same_run.h"
#include "tests/support/temporary_folder.h"

namespace muster {
namespace {

using nlohmann::ordered_json;

struct Dense {
  static constexpr const char* kJob = "reverse-digits";
};
struct WithExperts {
  static constexpr const char* kJob = "reverse-digits-moe";
};
struct Deep {
  static constexpr const char* kJob = "reverse-digits-deep";
};

struct Latent {
  static constexpr const char* kJob = "reverse-digits-mla";
};

template <class Model>
class EqualityOf : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new tests::TemporaryFolder;
    // A model that answers some prompts right, so that advantages are not all zero: the supervised start alone
    // (learning rate 0 after it).
    run("start", {"grpo.steps=1", "optimizer.lr=0", "warmup.sft_steps=44", "warmup.stop_at_reward=0"}, false);
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }

  static spec::RunPaths paths(const std::string& name) { return {folder_->path() / name}; }

  static void run(const std::string& name, std::vector<std::string> assignments, bool from_start = true) {
    std::vector<std::string> command{MUSTER_BINARY_DIR "/bin/muster", "run", Model::kJob, "--run-dir",
                                     paths(name).folder.string()};
    if (from_start)
      for (const std::string& assignment :
           {std::string("model.weights=file"), "model.path=" + paths("start").final_model().string(),
            std::string("warmup.sft_steps=0"), std::string("warmup.stop_at_reward=0"), std::string("grpo.steps=3"),
            std::string("log.tensor_norms=true")})
        assignments.push_back(assignment);
    assignments.emplace_back("log.samples=-1");
    for (const std::string& assignment : assignments) {
      command.emplace_back("--set");
      command.push_back(assignment);
    }
    const tests::CommandResult result = tests::run_command(command, 120);
    ASSERT_EQ(result.code, 0) << result.output;
  }

  static void expect_near(double a, double b, const std::string& what) {
    EXPECT_LE(std::abs(a - b), 1e-5 + 1e-5 * std::abs(b)) << what << ": " << a << " against " << b;
  }

  // What the launcher's arithmetic says is what the tensors have.
  static void expect_predicted_memory(const ordered_json& step, const std::string& name) {
    for (const char* owner : {"weights", "gen_weights", "main_weights", "moments", "gradients", "kv_pages"})
      EXPECT_EQ(step["memory"].value(owner, std::int64_t{0}), step["memory_predicted"].value(owner, std::int64_t{0}))
          << name << " " << owner;
    EXPECT_GT(step["memory"]["moments"], 0);
  }

  // The run of `name` against that of one rank, `judge`.
  static void expect_same_learning(const std::string& name, const std::string& judge = "one") {
    const auto ours = base::read_json_lines(paths(name).steps()), one = base::read_json_lines(paths(judge).steps());
    ASSERT_EQ(ours.size(), 3u);
    ASSERT_EQ(one.size(), 3u);
    for (std::size_t s = 0; s < 3; ++s) {
      expect_predicted_memory(ours[s], name);
      EXPECT_EQ(ours[s]["reward"], one[s]["reward"]) << name << " step " << s + 1;
      ASSERT_EQ(ours[s]["losses"].size(), one[s]["losses"].size());
      for (std::size_t u = 0; u < one[s]["losses"].size(); ++u) {
        expect_near(ours[s]["losses"][u], one[s]["losses"][u], name + " loss");
        expect_near(ours[s]["grad_norms"][u], one[s]["grad_norms"][u], name + " gradient norm");
      }
      ASSERT_GT(one[s]["tensor_norms"].size(), 10u);
      for (const auto& [tensor, norm] : one[s]["tensor_norms"].items())
        expect_near(ours[s]["tensor_norms"].at(tensor), norm, name + " " + tensor);
    }
    const auto tokens = [](const std::string& run_name) {
      std::map<std::vector<std::int64_t>, ordered_json> by_place;
      for (const ordered_json& line : base::read_json_lines(paths(run_name).samples()))
        by_place[{line["step"], line["prompt_index"], line["sample_index"]}] = {line["tokens"], line["reward"]};
      return by_place;
    };
    const auto here = tokens(name), there = tokens(judge);
    EXPECT_GT(there.size(), 1000u);
    EXPECT_TRUE(here == there) << name << " sampled other tokens than one rank";
  }

  static tests::TemporaryFolder* folder_;
};

template <class Model>
tests::TemporaryFolder* EqualityOf<Model>::folder_ = nullptr;

class Equality : public EqualityOf<Dense> {};
class ExpertEquality : public EqualityOf<WithExperts> {};
class LatentEquality : public EqualityOf<Latent> {};
class DeepEquality : public EqualityOf<Deep> {};

TEST_F(Equality, LayoutsLearnAsOneRankDoes) {
  run("one", {});
  const double reward = base::read_json_lines(paths("one").steps()).at(0)["reward"];
  ASSERT_GT(reward, 0.02);
  ASSERT_LT(reward, 0.98);
  const std::map<std::string, std::vector<std::string>> layouts{
      {"dp2", {"gen.dp=2", "train.dp=2"}},
      {"tp2", {"gen.tp=2", "train.tp=2"}},
      {"train tp2, gen dp2", {"gen.dp=2", "train.tp=2"}},
      {"train tp2 by tokens, gen dp2", {"gen.dp=2", "train.tp=2", "train.sequence_parallel=true"}},
      {"own buffers", {"refit.alias=false"}},
      {"dp2 in overlapped buckets",
       {"gen.dp=2", "train.dp=2", "train.bucket_params=20000", "train.overlap_grad_reduce=true",
        "train.overlap_param_gather=true"}},
      {"smaller micro batches without gradient", {"train.logprob_mbs=64"}},
      {"train pp2 tp2 by tokens, gen tp2 dp2",
       {"gen.tp=2", "gen.dp=2", "train.pp=2", "train.tp=2", "train.sequence_parallel=true"}},
      {"train pp2, gen dp2", {"gen.dp=2", "train.pp=2"}},
      {"cp2, gen dp2", {"gen.dp=2", "train.cp=2"}},
      {"cp2 tp2 by tokens, gen dp4",
       {"gen.dp=4", "train.cp=2", "train.tp=2", "train.sequence_parallel=true", "train.share_prompt=false"}},
      {"cp2 pp2, gen tp2 dp2", {"gen.tp=2", "gen.dp=2", "train.cp=2", "train.pp=2", "train.recompute=full"}},
      {"cp2 fsdp2, gen dp4", {"gen.dp=4", "train.cp=2", "train.dp=2", "train.backend=dtensor", "train.fsdp=1"}},
      {"split, train cp2 dp2, gen 1", {"placement.mode=split", "train.cp=2", "train.dp=2"}},
      {"fsdp2, gen dp2", {"gen.dp=2", "train.dp=2", "train.backend=dtensor", "train.fsdp=1"}},
      {"dtensor without fsdp, dp2", {"gen.dp=2", "train.dp=2", "train.backend=dtensor"}},
      {"split, train fsdp2, gen 1", {"placement.mode=split", "train.dp=2", "train.backend=dtensor", "train.fsdp=1"}},
      {"split, train pp2, gen tp2", {"placement.mode=split", "train.pp=2", "gen.tp=2"}},
      {"split 1 + 1", {"placement.mode=split"}},
      {"split, train tp2, gen 1", {"placement.mode=split", "train.tp=2"}},
  };
  for (const auto& [name, assignments] : layouts) {
    run(name, assignments);
    expect_same_learning(name);
  }
}

TEST_F(ExpertEquality, LayoutsLearnAsOneRankDoes) {
  run("one", {});
  const double reward = base::read_json_lines(paths("one").steps()).at(0)["reward"];
  ASSERT_GT(reward, 0.02);
  ASSERT_LT(reward, 0.98);
  const std::map<std::string, std::vector<std::string>> layouts{
      {"ep2", {"gen.dp=2", "train.dp=2", "train.ep=2"}},
      {"ep2 in both roles", {"gen.dp=2", "train.dp=2", "train.ep=2", "gen.ep=2"}},
      {"dp2, whole experts of one rank", {"gen.dp=2", "train.dp=2"}},
      {"train tp2 by tokens and ep2, gen tp2 of cut experts",
       {"gen.tp=2", "train.tp=2", "train.sequence_parallel=true", "train.ep=2"}},
      {"cut experts in both roles", {"gen.tp=2", "train.tp=2", "train.etp=2"}},
      {"train pp2 ep2, gen ep2 tp2", {"gen.dp=2", "gen.tp=2", "gen.ep=2", "train.pp=2", "train.dp=2", "train.ep=2"}},
      {"ep2 in both roles, gen pp2", {"gen.dp=2", "gen.pp=2", "gen.ep=2", "train.dp=4", "train.ep=2"}},
      {"fsdp2, gen ep2", {"gen.dp=2", "gen.ep=2", "train.dp=2", "train.backend=dtensor", "train.fsdp=1"}},
      {"split, train ep2, gen tp2", {"placement.mode=split", "train.dp=2", "train.ep=2", "gen.tp=2"}},
  };
  for (const auto& [name, assignments] : layouts) {
    run(name, assignments);
    expect_same_learning(name);
  }
}

TEST_F(LatentEquality, LayoutsLearnAsOneRankDoes) {
  run("one", {});
  const double reward = base::read_json_lines(paths("one").steps()).at(0)["reward"];
  ASSERT_GT(reward, 0.02);
  ASSERT_LT(reward, 0.98);
  const std::map<std::string, std::vector<std::string>> layouts{
      {"ep2 in both roles", {"gen.dp=2", "gen.ep=2", "train.dp=2", "train.ep=2"}},
      {"heads and experts cut over gen tp2, train tp2 by tokens and ep2",
       {"gen.tp=2", "train.tp=2", "train.sequence_parallel=true", "train.ep=2"}},
      {"train pp2, gen pp2", {"gen.pp=2", "train.pp=2"}},
      {"cp2, gen dp2", {"gen.dp=2", "train.cp=2"}},
      {"fsdp2, gen tp2", {"gen.tp=2", "train.dp=2", "train.backend=dtensor", "train.fsdp=1"}},
      {"split, train pp2, gen tp2", {"placement.mode=split", "train.pp=2", "gen.tp=2"}},
  };
  for (const auto& [name, assignments] : layouts) {
    run(name, assignments);
    expect_same_learning(name);
  }
}

TEST_F(DeepEquality, StagesOfBothRolesLearnAsOneRankDoes) {
  run("one", {"train.pp=1", "train.vpp=1", "gen.pp=1", "gen.dp=1"});
  const double reward = base::read_json_lines(paths("one").steps()).at(0)["reward"];
  ASSERT_GT(reward, 0.02);
  ASSERT_LT(reward, 0.98);
  const std::map<std::string, std::vector<std::string>> layouts{
      {"train pp4 vpp2, gen pp2 dp2, as it ships", {}},
      {"train pp4 of 1, 3, 3 and 1 layers, gen pp4",
       {"train.vpp=1", "train.first_stage_layers=1", "train.last_stage_layers=1", "gen.pp=4", "gen.dp=1"}},
      {"split, train pp2 vpp4, gen pp2 tp2",
       {"placement.mode=split", "train.pp=2", "train.vpp=4", "gen.pp=2", "gen.tp=2", "gen.dp=1"}},
      {"train fsdp4, gen pp2 tp2",
       {"train.backend=dtensor", "train.fsdp=1", "train.dp=4", "train.pp=1", "train.vpp=1", "gen.pp=2", "gen.tp=2",
        "gen.dp=1"}},
  };
  for (const auto& [name, assignments] : layouts) {
    run(name, assignments);
    expect_same_learning(name);
  }
}

// Entropy over a cut vocabulary, divergences summed over ranks, statistics of the whole step, sums over samples.
TEST_F(Equality, FormulasBeyondGrpoLearnAsOnOneRank) {
  const std::map<std::string, std::vector<std::string>> formulas{
      {"reinforce",
       {"grpo.baseline=none", "grpo.normalize=false", "grpo.whiten=true", "grpo.kl_in_reward=0.05",
        "loss.entropy_weight=0.01", "loss.reduction=constant"}},
      {"cispo", {"loss.policy=cispo", "loss.entropy_weight=0.01", "loss.correction=truncate", "train.gbs=256"}},
      {"samples",
       {"loss.correction=mask_samples", "loss.correction_level=sequence", "loss.correction_min=0.9", "train.gbs=256",
        "loss.ratio=sequence", "loss.reduction=sequence"}},
      {"dynamic", {"grpo.dynamic_sampling=true", "grpo.batch_multiplier=2", "loss.correction=truncate"}},
  };
  const std::map<std::string, std::vector<std::string>> layouts{
      {"tp2, gen dp2", {"gen.dp=2", "train.tp=2"}},
      {"cp2 pp2, gen tp2 dp2", {"gen.tp=2", "gen.dp=2", "train.cp=2", "train.pp=2"}},
      {"split, dp2", {"placement.mode=split", "train.dp=2"}},
  };
  for (const auto& [formula, keys] : formulas) {
    run(formula, keys);
    for (const auto& [layout, assignments] : layouts) {
      if (formula == "samples" && layout.starts_with("cp2")) continue;  // refused
      std::vector<std::string> both = keys;
      both.insert(both.end(), assignments.begin(), assignments.end());
      const std::string name = formula + " " + layout;
      run(name, both);
      expect_same_learning(name, formula);
    }
  }
}

TEST_F(Equality, OneThreadOnePlanOneRun) {
  run("first", {"gen.dp=2", "train.dp=2", "train.gbs=256"});
  run("second", {"gen.dp=2", "train.dp=2", "train.gbs=256"});
  tests::expect_same_run(paths("first"), paths("second"), 3);
  EXPECT_EQ(base::read_json_lines(paths("first").steps()).at(0)["losses"].size(), 2u);
}

}  // namespace
}  // namespace muster
