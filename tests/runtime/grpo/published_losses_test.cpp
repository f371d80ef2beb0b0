// The losses that others published, as TRL computes them in float64 (tests/reference/policy_loss_fixtures.py).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/files.h"
#include "runtime/grpo/grpo.h"
#include "runtime/spec/choices.h"
#include "tests/support/tensor_support.h"

namespace muster::grpo {
namespace {

using nlohmann::json;
using tests::near;

json fixture() {
  return json::parse(base::read_file(std::string(MUSTER_SOURCE_DIR) + "/tests/golden/grpo/policy_losses.json"));
}

at::Tensor tensor_of(const json& values) { return at::tensor(values.get<std::vector<double>>(), at::kDouble); }

template <class Enum>
void choose(Enum& value, const json& word) {
  const std::vector<std::string> names = spec::choice_names<Enum>();
  const auto found = std::find(names.begin(), names.end(), word.get<std::string>());
  ASSERT_NE(found, names.end()) << word;
  value = static_cast<Enum>(found - names.begin());
}

spec::LossJob loss_of(const json& one) {
  spec::LossJob loss{.clip_low = one["clip_low"],
                     .clip_high = one["clip_high"],
                     .dual_clip = one["dual_clip"],
                     .entropy_weight = one["entropy_weight"],
                     .kl_weight = one["kl_weight"],
                     .correction_max = one["correction_max"],
                     .correction_min = one["correction_min"]};
  choose(loss.policy, one["policy"]);
  choose(loss.ratio, one["ratio"]);
  choose(loss.reduction, one["reduction"]);
  choose(loss.correction, one["correction"]);
  choose(loss.correction_level, one["correction_level"]);
  loss.constant_tokens = one["constant_tokens"];
  return loss;
}

/// One over what the loss of a token is divided by.
double weight_of(const spec::LossJob& loss, std::int64_t tokens, double all_tokens, double samples) {
  if (loss.reduction == spec::LossReduction::token) return 1 / all_tokens;
  const std::int64_t length = loss.reduction == spec::LossReduction::constant ? loss.constant_tokens : tokens;
  return 1 / (samples * static_cast<double>(length));
}

TEST(PublishedLosses, ValueAndGradientsAreThoseOfTrl) {
  const json given = fixture();
  const auto lengths = given["lengths"].get<std::vector<std::int64_t>>();
  const auto advantages = given["advantages"].get<std::vector<double>>();
  ASSERT_GE(given["cases"].size(), 15U);
  for (const json& one : given["cases"]) {
    SCOPED_TRACE(one["name"].get<std::string>());
    const spec::LossJob loss = loss_of(one);
    std::vector<std::int64_t> sequence_of_N;
    std::vector<double> advantage_of_N, weights;
    for (std::size_t s = 0; s < lengths.size(); ++s)
      for (std::int64_t t = 0; t < lengths[s]; ++t) {
        sequence_of_N.push_back(static_cast<std::int64_t>(s));
        advantage_of_N.push_back(advantages[s]);
        weights.push_back(
            weight_of(loss, lengths[s], static_cast<double>(given["old"].size()), static_cast<double>(lengths.size())));
      }
    TokenInputs inputs{.logprobs_N = tensor_of(given["logprobs"]).requires_grad_(),
                       .old_logprobs_N = tensor_of(given["old"]),
                       .gen_logprobs_N = tensor_of(given["gen"]),
                       .advantages_N = at::tensor(advantage_of_N, at::kDouble),
                       .entropy_N = tensor_of(given["entropy"]).requires_grad_(),
                       .weights_N = at::tensor(weights, at::kDouble)};
    if (spec::looks_at_samples(loss)) inputs.sequences = sequence_index(sequence_of_N, at::kCPU);
    const LossParts parts = policy_loss(inputs, loss);
    parts.loss.backward();
    EXPECT_NEAR(parts.loss.item<double>(), one["loss"].get<double>(), 2e-7);  // the loss itself is float32
    EXPECT_TRUE(near(inputs.logprobs_N.grad(), tensor_of(one["by_logprobs"]), 1e-12, 1e-10));
    if (loss.entropy_weight == 0)
      EXPECT_FALSE(inputs.entropy_N.grad().defined());
    else
      EXPECT_TRUE(near(inputs.entropy_N.grad(), tensor_of(one["by_entropy"]), 1e-12, 1e-10));
  }
}

TEST(PublishedLosses, WhitenedAdvantagesHaveMeanZeroAndDeviationOneOverTokens) {
  const json given = fixture()["whitened"];
  const auto white =
      whitened(given["advantages"].get<std::vector<double>>(), given["tokens"].get<std::vector<std::int64_t>>());
  EXPECT_TRUE(near(at::tensor(white, at::kDouble), tensor_of(given["white"]), 1e-12, 1e-12));
  EXPECT_EQ(whitened({0.3, 0.3, 7}, {2, 1, 0}), (std::vector<double>{0, 0, 7})) << "nothing differs, one has no token";
}

TEST(PolicyLoss, MaskedTokensHaveNoEntropyWhateverTheyHold) {
  const at::Tensor weights = at::tensor({0.5F, 0.0F}), nan = at::full({1}, NAN);
  TokenInputs inputs{.logprobs_N = at::cat({at::full({1}, -1.0F), nan}).requires_grad_(),
                     .old_logprobs_N = at::full({2}, -1.0F),
                     .advantages_N = at::zeros({2}),
                     .entropy_N = at::cat({at::full({1}, 2.0F), nan}).requires_grad_(),
                     .weights_N = weights};
  const LossParts parts = policy_loss(inputs, {.entropy_weight = 0.1});
  parts.loss.backward();
  EXPECT_NEAR(parts.loss.item<double>(), -0.1, 1e-7);
  EXPECT_TRUE(near(inputs.entropy_N.grad(), at::tensor({-0.05, 0.0}), 1e-7, 0));
}

}  // namespace
}  // namespace muster::grpo
