// Router, rows by expert and grouped products against their formulas, differentiated by autograd in float64. Letters: T
// tokens, C experts of a token, R rows, D width, O outputs, X experts.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "runtime/ops/expert_rows.h"
#include "runtime/ops/grouped_linear.h"
#include "runtime/ops/router.h"
#include "tests/support/tensor_support.h"

namespace muster::ops {
namespace {

using tests::near;

constexpr std::int64_t T = 7, D = 6, X = 5;

/// Numbers that differ from each other, the same in every run.
at::Tensor drawn(at::IntArrayRef shape, double phase) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return (at::arange(count, at::kDouble) * 1.7 + phase).sin().view(shape).to(at::kFloat);
}

at::Tensor wide(const at::Tensor& x) { return x.to(at::kDouble).requires_grad_(true); }

TEST(Router, OfEqualScoresTheExpertOfTheLowerNumberComesFirst) {
  const at::Tensor scores = at::tensor({1.0F, 3.0F, 2.0F, 3.0F, 2.0F, 0.0F, 2.0F, 2.0F, 2.0F, 2.0F}).view({2, 5});
  EXPECT_TRUE(at::equal(top_columns(scores, 3), at::tensor({1, 3, 2, 1, 2, 3}, at::kLong).view({2, 3})));
  EXPECT_TRUE(at::equal(std::get<0>(top_columns(scores.to(at::kDouble), 5).sort(1)), at::arange(5).expand({2, 5})));
}

class RouterWeights : public testing::TestWithParam<bool> {};

TEST_P(RouterWeights, AndTheirGradientsAreThoseOfTheFormula) {
  const bool normalize = GetParam();
  constexpr std::int64_t C = 2;
  at::Tensor x = drawn({T, D}, 0.1).requires_grad_(true), grad = at::zeros({X, D});
  const at::Tensor weight = drawn({X, D}, 0.7), slopes = drawn({T, C}, 2.2);
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    x.mutable_grad() = at::Tensor();
    grad.zero_();
    const Routes routes = route(x, {weight, grad}, {}, {.num_chosen = C, .normalize = normalize, .type = type});
    (routes.weights_TC * slopes).sum().backward();

    at::Tensor x64 = wide(x.detach()), weight64 = wide(weight);
    const auto [best, experts] = x64.mm(weight64.t()).softmax(1).topk(C, 1);
    const at::Tensor expected = normalize ? best / best.sum(1, true) : best;
    (expected * slopes).sum().backward();
    EXPECT_TRUE(at::equal(routes.experts_TC, experts));
    EXPECT_TRUE(near(routes.weights_TC, expected, 1e-6, 1e-6));
    EXPECT_TRUE(near(x.grad(), x64.grad(), 1e-6, 1e-6));
    EXPECT_TRUE(near(grad, weight64.grad(), 1e-6, 1e-6));
    EXPECT_GT(grad.abs().max().item<double>(), 1e-3);
  }
}

INSTANTIATE_TEST_SUITE_P(Sum, RouterWeights, testing::Bool(),
                         [](const auto& info) { return info.param ? "ToOne" : "ToLess"; });

/// A router whose logits are the values themselves.
Routes routed(const at::Tensor& logits_TX, const at::Tensor& bias_X, const RouterOptions& options) {
  return route(logits_TX, {at::eye(logits_TX.size(1)), {}}, bias_X, options);
}

TEST(Router, ABiasTakesPartInTheChoiceAlone) {
  const at::Tensor logits = at::tensor({2.0F, 1.0F, 0.0F, -1.0F}).view({1, 4});
  const at::Tensor bias = at::tensor({-5.0F, 0.0F, 0.0F, 0.5F});
  const Routes routes = routed(logits, bias, {.num_chosen = 2, .sigmoid = true, .scale = 2.5});
  EXPECT_TRUE(at::equal(routes.experts_TC, at::tensor({3, 1}, at::kLong).view({1, 2})));
  EXPECT_TRUE(near(routes.weights_TC, at::sigmoid(at::tensor({-1.0, 1.0})).view({1, 2}) * 2.5, 1e-6, 1e-6));
}

TEST(Router, ExpertsOutsideTheBestGroupsAreNotChosenHoweverLowTheOthersAre) {
  // Groups {0, 1}, {2, 3}, {4, 5}: the best one is the last, by the sum of its two, though expert 0 has the best score.
  const at::Tensor logits = at::tensor({3.0F, -9.0F, 0.0F, 0.0F, 1.0F, 1.0F}).view({1, 6});
  const at::Tensor far_below_zero = at::full({6}, -5.0F);
  const Routes routes = routed(logits, far_below_zero, {.num_chosen = 2, .sigmoid = true, .num_groups = 3});
  EXPECT_TRUE(at::equal(routes.experts_TC, at::tensor({4, 5}, at::kLong).view({1, 2})));
}

TEST(Router, OfEqualGroupsThoseOfTheLowerNumberComeFirst) {
  const Routes routes =
      routed(at::zeros({2, 8}), at::zeros({8}), {.num_chosen = 3, .sigmoid = true, .num_groups = 4, .top_groups = 2});
  EXPECT_TRUE(at::equal(routes.experts_TC, at::tensor({0, 1, 2}, at::kLong).expand({2, 3})));
}

class SigmoidRouter : public testing::TestWithParam<bool> {};

TEST_P(SigmoidRouter, HasTheGradientsOfTheFormula) {
  const bool normalize = GetParam();
  constexpr std::int64_t C = 3;
  at::Tensor x = drawn({T, D}, 0.1).requires_grad_(true), grad = at::zeros({X, D});
  const at::Tensor weight = drawn({X, D}, 0.7), bias = drawn({X}, 1.3), slopes = drawn({T, C}, 2.2);
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    x.mutable_grad() = at::Tensor();
    grad.zero_();
    const Routes routes = route(x, {weight, grad}, bias,
                                {.num_chosen = C, .normalize = normalize, .type = type, .sigmoid = true, .scale = 2.5});
    (routes.weights_TC * slopes).sum().backward();

    at::Tensor x64 = wide(x.detach()), weight64 = wide(weight);
    const at::Tensor scores = x64.mm(weight64.t()).sigmoid(), experts = std::get<1>((scores + bias).topk(C, 1));
    const at::Tensor chosen = scores.gather(1, experts), sum = chosen.sum(1, true);
    const at::Tensor expected = (normalize ? chosen / sum : chosen) * 2.5;
    (expected * slopes).sum().backward();
    EXPECT_TRUE(at::equal(routes.experts_TC, experts));
    EXPECT_TRUE(near(routes.weights_TC, expected, 1e-6, 1e-6));
    EXPECT_TRUE(near(x.grad(), x64.grad(), 1e-6, 1e-6));
    EXPECT_TRUE(near(grad, weight64.grad(), 2e-6, 2e-6));
    EXPECT_GT(grad.abs().max().item<double>(), 1e-3);
  }
}

INSTANTIATE_TEST_SUITE_P(Sum, SigmoidRouter, testing::Bool(),
                         [](const auto& info) { return info.param ? "ToOne" : "ToLess"; });

TEST(ExpertRows, LieExpertByExpertAndKnowTheirWayBack) {
  const ExpertRows rows = rows_by_expert(at::tensor({3, 0, 0, 4, 3, 0}, at::kLong).view({3, 2}), X);
  EXPECT_TRUE(at::equal(rows.choices.order_R, at::tensor({1, 2, 5, 0, 4, 3}, at::kLong)));
  EXPECT_TRUE(at::equal(rows.choices.places_R, at::tensor({3, 0, 1, 5, 4, 2}, at::kLong)));
  EXPECT_TRUE(at::equal(rows.choices.ends_X, at::tensor({3, 3, 3, 5, 6}, at::kInt)));
  const ExpertRows none = rows_by_expert(at::empty({0, 2}, at::kLong), X);
  EXPECT_EQ(none.choices.ends_X.abs().max().item<int>(), 0);
  EXPECT_EQ(combine_rows(at::empty({0, D}), at::empty({0, 2}), none).size(0), 0);
}

TEST(ExpertRows, SpreadAndCombinedHaveTheGradientsOfTheFormula) {
  constexpr std::int64_t C = 3;
  const at::Tensor experts = at::tensor({0, 1, 4, 4, 2, 1, 0, 4, 2, 1, 2, 4, 4, 0, 1, 2, 1, 0, 1, 4, 0}, at::kLong);
  const ExpertRows rows = rows_by_expert(experts.view({T, C}), X);
  const at::Tensor factors = drawn({T * C, 1}, 0.4).index_select(0, rows.choices.order_R), slopes = drawn({T, D}, 3.3);
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const double tolerance = type == at::kFloat ? 1e-6 : 3e-2;
    at::Tensor x = drawn({T, D}, 0.2).to(type).requires_grad_(true), weights = drawn({T, C}, 1.5).requires_grad_(true);
    const at::Tensor y = combine_rows((spread_rows(x, rows) * factors).to(type), weights, rows);
    (y.to(at::kFloat) * slopes).sum().backward();

    at::Tensor x64 = wide(x.detach()), weights64 = wide(weights.detach());
    const at::Tensor factors_TC1 = drawn({T * C, 1}, 0.4).view({T, C, 1});
    const at::Tensor expected = (x64.unsqueeze(1) * factors_TC1 * weights64.unsqueeze(2)).sum(1);
    (expected * slopes).sum().backward();
    EXPECT_EQ(y.scalar_type(), type);
    EXPECT_TRUE(near(y, expected, tolerance, tolerance));
    EXPECT_TRUE(near(x.grad(), x64.grad(), tolerance, tolerance));
    EXPECT_TRUE(near(weights.grad(), weights64.grad(), tolerance, tolerance));
  }
}

TEST(GroupedLinear, IsAProductForEachGroupAndEmptyOnesAddNothing) {
  constexpr std::int64_t O = 4;
  const at::Tensor ends = at::tensor({2, 2, 5, 5, 7}, at::kInt), slopes = drawn({T, O}, 0.9);
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const double tolerance = type == at::kFloat ? 1e-6 : 3e-2;
    at::Tensor x = drawn({T, D}, 0.2).to(type).requires_grad_(true), weight = drawn({X, O, D}, 0.8).to(type);
    at::Tensor grad = at::ones({X, O, D});
    const at::Tensor y = grouped_linear(x, {weight, grad}, {ends, ends});
    (y.to(at::kFloat) * slopes).sum().backward();

    at::Tensor x64 = wide(x.detach()), weight64 = wide(weight);
    std::vector<at::Tensor> parts;
    for (const auto& [group, begin, count] : std::vector<std::array<std::int64_t, 3>>{{0, 0, 2}, {2, 2, 3}, {4, 5, 2}})
      parts.push_back(x64.narrow(0, begin, count).mm(weight64[group].t()));
    const at::Tensor expected = at::cat(parts);
    (expected * slopes).sum().backward();
    EXPECT_TRUE(near(y, expected, tolerance, tolerance));
    EXPECT_TRUE(near(x.grad(), x64.grad(), tolerance, tolerance));
    EXPECT_TRUE(near(grad, weight64.grad() + 1, tolerance, tolerance)) << "added, and nothing to the empty groups";
    EXPECT_TRUE(at::equal(grad[1], at::ones({O, D})));
  }
  EXPECT_EQ(grouped_linear(at::empty({0, D}), {at::empty({X, O, D}), {}}, {at::zeros({X}, at::kInt), {}}).size(1), O);
}

}  // namespace
}  // namespace muster::ops
