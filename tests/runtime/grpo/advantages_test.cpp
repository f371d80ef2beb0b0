#include "runtime/grpo/advantages.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "tests/support/tensor_support.h"

namespace muster::grpo {
namespace {

using spec::Baseline;
using tests::near;

constexpr double kEps = 1e-6;
constexpr double kTolerance = 2e-6;  // the vectors have six decimals

/// One group of `size` samples of which the first `right` earned 1 and the others 0.
at::Tensor group_of(std::int64_t right, std::int64_t size) {
  at::Tensor rewards = at::zeros({1, size});
  rewards.slice(1, 0, right).fill_(1);
  return rewards;
}

struct Vector {
  std::int64_t right, size;
  Baseline baseline;
  double of_right, of_wrong;
};

TEST(GroupAdvantages, GivesTheKnownVectors) {
  for (const Vector& vector :
       {Vector{15, 16, Baseline::leave_one_out, 0.258198, -1.0}, Vector{15, 16, Baseline::mean, 0.249999, -3.749985},
        Vector{1, 16, Baseline::leave_one_out, 1.0, -0.258198},
        Vector{8, 16, Baseline::leave_one_out, 1.032794, -1.032794}, Vector{8, 16, Baseline::mean, 0.968244, -0.968244},
        Vector{1, 4, Baseline::leave_one_out, 1.0, -0.577349}}) {
    const at::Tensor advantages = group_advantages(group_of(vector.right, vector.size), vector.baseline, true, kEps);
    at::Tensor expected = at::full({1, vector.size}, vector.of_wrong);
    expected.slice(1, 0, vector.right).fill_(vector.of_right);
    EXPECT_TRUE(near(advantages, expected, kTolerance, 0)) << vector.right << " of " << vector.size;
  }
}

TEST(GroupAdvantages, EqualRewardsGiveExactZeros) {
  for (const Baseline baseline : {Baseline::leave_one_out, Baseline::mean}) {
    for (const double reward : {0.0, 1.0, 0.1, -3.3}) {
      EXPECT_TRUE(at::equal(group_advantages(at::full({3, 7}, reward), baseline, true, kEps), at::zeros({3, 7})))
          << reward;
    }
  }
}

TEST(GroupAdvantages, PlainDifferencesOfAGroupSumToZero) {
  const at::Tensor rewards = at::tensor({0.5f, 1.0f, 0.25f, 0.0f, 1.0f, 1.0f}).view({2, 3});
  for (const Baseline baseline : {Baseline::leave_one_out, Baseline::mean}) {
    EXPECT_TRUE(near(group_advantages(rewards, baseline, false, kEps).sum(1), at::zeros({2}), 1e-6, 0));
  }
  EXPECT_TRUE(near(group_advantages(rewards, Baseline::mean, false, kEps)[0],
                   at::tensor({-1.f / 12, 5.f / 12, -4.f / 12}), 1e-6, 0));
  EXPECT_TRUE(near(group_advantages(rewards, Baseline::leave_one_out, false, kEps)[0],
                   at::tensor({-0.125f, 0.625f, -0.5f}), 1e-6, 0));
}

TEST(GroupAdvantages, LeaveOneOutOfTwoIsTheUndividedDifference) {
  const at::Tensor rewards = at::tensor({0.25f, 1.0f}).view({1, 2});
  EXPECT_TRUE(near(group_advantages(rewards, Baseline::leave_one_out, true, kEps),
                   at::tensor({-0.75f, 0.75f}).view({1, 2}), 1e-7, 0));
}

TEST(GroupAdvantages, GroupsDoNotSeeEachOther) {
  const at::Tensor rewards = at::cat({group_of(1, 4), group_of(3, 4)});
  const at::Tensor both = group_advantages(rewards, Baseline::leave_one_out, true, kEps);
  EXPECT_TRUE(tests::same_bits(both[1], group_advantages(rewards.slice(0, 1), Baseline::leave_one_out, true, kEps)[0]));
}

TEST(GroupAdvantages, AgreesWithTheOneOverAllFormulaOnRandomRewards) {
  const at::Tensor rewards = at::tensor({0.3f, 0.9f, -1.2f, 0.4f, 2.0f, 0.0f, 0.7f, 0.1f}).view({1, 8});
  const at::Tensor wide = rewards.to(at::kDouble);
  const at::Tensor mean = (wide.sum() - wide) / 7;
  const at::Tensor squares = (wide.square().sum() - wide.square()) / 7;
  const at::Tensor deviation = ((squares - mean.square()) * 7.0 / 6).sqrt();
  EXPECT_TRUE(near(group_advantages(rewards, Baseline::leave_one_out, true, kEps), (wide - mean) / (deviation + kEps),
                   1e-6, 1e-6));
}

TEST(GroupAdvantages, AGroupOfOneIsRefused) {
  EXPECT_THROW(group_advantages(at::zeros({3, 1}), Baseline::leave_one_out, true, kEps), Error);
}

}  // namespace
}  // namespace muster::grpo
