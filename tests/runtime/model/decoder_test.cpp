// The decoder against Hugging Face transformers in float64: log-probabilities, entropies and the gradient of every
// parameter. Fixtures by tests/reference/model_fixtures.py.
#include "runtime/model/decoder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/base/files.h"
#include "runtime/comm/solo_communicator.h"
#include "runtime/ops/packed_attention.h"
#include "runtime/parallel/vocabulary.h"
#include "runtime/weights/model_folder.h"
#include "tests/support/tensor_support.h"

namespace muster::model {
namespace {

using nlohmann::json;
using tests::near;
namespace fs = std::filesystem;

const fs::path kModels = fs::path(MUSTER_SOURCE_DIR) / "tests/golden/model";

class Packed : public Context {
 public:
  explicit Packed(std::vector<ops::Segment> segments) : segments_(std::move(segments)) {}
  at::Tensor attend(std::int64_t, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) override {
    return ops::packed_attention(q, k, v, segments_);
  }

 private:
  std::vector<ops::Segment> segments_;
};

/// One model in float32 on one rank.
struct Model {
  explicit Model(const fs::path& folder, bool with_gradients)
      : facts(spec::read_model_facts(folder)),
        weights(weights::shards_of(facts, {}, {}), at::kFloat, at::kCPU),
        gradients(with_gradients ? weights.shards() : std::vector<weights::Shard>{}, at::kFloat, at::kCPU),
        decoder(facts, loaded(folder), with_gradients ? &gradients : nullptr, *tp) {}
  const weights::ShardStore& loaded(const fs::path& folder) {
    weights::load_weights(folder, facts, weights);
    return weights;
  }
  parallel::TokenLogprobs logprobs(const std::vector<std::int64_t>& tokens, double temperature,
                                   spec::Recompute recompute = spec::Recompute::none) {
    const at::Tensor all = at::tensor(tokens, at::kLong);
    const std::int64_t T = all.size(0) - 1;
    attention = std::make_unique<Packed>(std::vector<ops::Segment>{{0, T, -1}});
    const at::Tensor hidden = decoder.hidden(all.narrow(0, 0, T), at::arange(T, at::kLong), *attention, recompute);
    return parallel::token_logprobs(*tp, hidden, decoder.head(), decoder.vocabulary(), all.narrow(0, 1, T), temperature,
                                    16);
  }

  std::unique_ptr<comm::Communicator> tp = comm::make_solo("tp");
  spec::ModelFacts facts;
  weights::ShardStore weights, gradients;
  Decoder decoder;
  std::unique_ptr<Packed> attention;
};

void expect_cases(Model& model, const json& cases) {
  const at::NoGradGuard none;
  for (const json& one : cases) {
    const parallel::TokenLogprobs scores = model.logprobs(one["tokens"], one["temperature"]);
    EXPECT_TRUE(near(scores.logprobs_N, at::tensor(one["logprobs"].get<std::vector<double>>()), 1e-5, 1e-5));
    EXPECT_TRUE(near(scores.entropy_N, at::tensor(one["entropy"].get<std::vector<double>>()), 1e-5, 1e-5));
  }
}

/// The loss of the fixture: log-probabilities weighted by cos(n), over the sequences at temperature 1.
void run_backward(Model& model, const json& cases, spec::Recompute recompute) {
  for (const json& one : cases) {
    if (one["temperature"] != 1.0) continue;
    const at::Tensor logprobs_N = model.logprobs(one["tokens"], 1.0, recompute).logprobs_N;
    (logprobs_N * at::arange(logprobs_N.size(0), at::kFloat).cos()).sum().backward();
  }
}

class SmallModel : public testing::TestWithParam<const char*> {};

TEST_P(SmallModel, EqualsTransformersInFloat64) {
  Model model(kModels / GetParam(), false);
  expect_cases(model, json::parse(base::read_file(kModels / GetParam() / "expected.json"))["cases"]);
}

TEST_P(SmallModel, GradientsOfEveryParameterEqualTransformers) {
  const json expected = json::parse(base::read_file(kModels / GetParam() / "expected.json"));
  Model model(kModels / GetParam(), true);
  run_backward(model, expected["cases"], spec::Recompute::none);
  std::size_t checked = 0;
  for (const weights::Shard& shard : model.weights.shards()) {
    if (spec::is_choice_bias(shard.parameter)) {
      EXPECT_EQ(model.gradients.view(shard.parameter.name).abs().max().item<double>(), 0);
      continue;
    }
    const json& of_parameter = expected["gradients"][shard.parameter.name];
    const at::Tensor gradient = model.gradients.view(shard.parameter.name).to(at::kDouble).flatten();
    const double norm = of_parameter["norm"],
                 probe = (gradient * (0.37 * at::arange(gradient.numel(), at::kDouble)).cos()).sum().item<double>();
    // k_proj.bias moves all scores of a query alike: its true gradient is zero, and what is left is rounding.
    EXPECT_NEAR(gradient.norm().item<double>(), norm, 2e-5 + 2e-5 * norm) << shard.parameter.name;
    EXPECT_NEAR(probe, of_parameter["probe"].get<double>(), 2e-5 + 2e-5 * norm) << shard.parameter.name;
    ++checked;
  }
  EXPECT_EQ(checked, expected["gradients"].size());
}

TEST_P(SmallModel, RecomputedLayersGiveTheSameGradients) {
  const json cases = json::parse(base::read_file(kModels / GetParam() / "expected.json"))["cases"];
  Model kept(kModels / GetParam(), true);
  run_backward(kept, cases, spec::Recompute::none);
  for (const spec::Recompute recompute : {spec::Recompute::full, spec::Recompute::attention, spec::Recompute::mlp}) {
    Model recomputed(kModels / GetParam(), true);
    run_backward(recomputed, cases, recompute);
    EXPECT_TRUE(near(recomputed.gradients.flat(), kept.gradients.flat(), 2e-5,
                     2e-5));  // sums of two gradients are rounded in another order
  }
  EXPECT_GT(kept.gradients.flat().norm().item<double>(), 0);
}

/// As a part of a test's name: "moe-all-chosen" -> "moe_all_chosen".
std::string test_name(std::string folder) {
  std::replace(folder.begin(), folder.end(), '-', '_');
  return folder;
}
INSTANTIATE_TEST_SUITE_P(Families, SmallModel,
                         testing::Values("llama", "qwen3", "qwen2", "moe", "moe-raw-weights", "moe-one-chosen",
                                         "moe-all-chosen", "moe-odd", "moe-first-dense", "moe-every-second",
                                         "moe-stacked", "mla", "mla-whole-queries", "mla-raw-weights", "mla-yarn",
                                         "mla-yarn-uneven", "mla-all-experts", "mla-one-chosen", "mla-odd",
                                         "mla-low-scores", "mla-stacked"),
                         [](const auto& info) { return test_name(info.param); });

TEST(Decoder, ASharedPromptGivesTheGradientsOfRepeatedOnes) {
  const std::vector<std::int64_t> prompt{5, 9, 11, 40, 7}, first{3, 8, 20}, second{60, 61};
  const auto joined = [](std::vector<std::int64_t> a, const std::vector<std::int64_t>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  Model shared(kModels / "qwen3", true), repeated(kModels / "qwen3", true);
  // Rows 4, 5, 6 predict the first answer (its last token is only a target), rows 4, 8 the second.
  Packed attention({{0, 5, -1}, {5, 2, 0}, {7, 1, 0}});
  const at::Tensor tokens = at::tensor({5, 9, 11, 40, 7, 3, 8, 60}, at::kLong),
                   positions = at::tensor({0, 1, 2, 3, 4, 5, 6, 5}, at::kLong);
  const at::Tensor hidden = shared.decoder.hidden(tokens, positions, attention);
  const at::Tensor rows = hidden.index_select(0, at::tensor({4, 5, 6, 4, 7}, at::kLong)),
                   targets = at::tensor({3, 8, 20, 60, 61}, at::kLong);
  const at::Tensor together =
      parallel::token_logprobs(*shared.tp, rows, shared.decoder.head(), shared.decoder.vocabulary(), targets, 1.0, 100)
          .logprobs_N;
  together.sum().backward();
  const at::Tensor one = repeated.logprobs(joined(prompt, first), 1.0).logprobs_N.narrow(0, 4, 3),
                   two = repeated.logprobs(joined(prompt, second), 1.0).logprobs_N.narrow(0, 4, 2);
  (one.sum() + two.sum()).backward();
  EXPECT_TRUE(near(together, at::cat({one, two}), 1e-6, 1e-6));
  EXPECT_TRUE(near(shared.gradients.flat(), repeated.gradients.flat(), 1e-5, 1e-5));
}

TEST(Decoder, SmolLm2EqualsTransformersInFloat64) {
  const fs::path folder = base::cache_folder() / "models/smollm2-135m-instruct";
  if (!fs::exists(folder / "model.safetensors"))
    GTEST_SKIP() << "there is no " << folder << ": tools/quickstart makes it";
  Model model(folder, false);
  expect_cases(model, json::parse(base::read_file(kModels / "smollm2_expected.json"))["cases"]);
}

}  // namespace
}  // namespace muster::model
