#include "runtime/train/adamw.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tests/support/tensor_support.h"

namespace muster::train {
namespace {

using tests::near;

/// Fixed numbers that look random; odd length, so that the ends of vectors are met.
at::Tensor numbers(std::int64_t count, double phase) {
  return (at::arange(count, at::kDouble) * 1.7 + phase).sin().to(at::kFloat);
}

struct Buffers {
  explicit Buffers(std::int64_t count)
      : main(numbers(count, 0)),
        first(at::zeros({count})),
        second(at::zeros({count})),
        weights(main.to(at::kBFloat16)) {}
  at::Tensor main, first, second, weights;
};

constexpr double kLr = 1e-2, kBeta1 = 0.9, kBeta2 = 0.95, kEps = 1e-8, kDecay = 0.1, kScale = 0.3;

AdamwFactors factors_of(std::int64_t update) {
  return adamw_factors(kLr, kBeta1, kBeta2, kEps, kDecay, kScale, update);
}

TEST(Adamw, FollowsTheFormulaOverSeveralUpdates) {
  for (const std::int64_t count : {1, 15, 1000, 70001}) {
    Buffers found(count);
    at::Tensor expected = found.main.to(at::kDouble), first = at::zeros({count}, at::kDouble),
               second = at::zeros({count}, at::kDouble);
    for (std::int64_t update = 1; update <= 5; ++update) {
      const at::Tensor gradients = numbers(count, static_cast<double>(update));
      cpu::adamw(found.main, found.first, found.second, gradients, found.weights, factors_of(update));
      const at::Tensor scaled = gradients.to(at::kDouble) * kScale;
      first = kBeta1 * first + (1 - kBeta1) * scaled;
      second = kBeta2 * second + (1 - kBeta2) * scaled * scaled;
      const at::Tensor first_hat = first / (1 - std::pow(kBeta1, update)),
                       second_hat = second / (1 - std::pow(kBeta2, update));
      expected = expected * (1 - kLr * kDecay) - kLr * first_hat / (second_hat.sqrt() + kEps);
    }
    EXPECT_TRUE(near(found.main, expected, 1e-6, 1e-6)) << count;
    EXPECT_TRUE(near(found.first, first, 1e-7, 1e-5)) << count;
    EXPECT_TRUE(near(found.second, second, 1e-7, 1e-5)) << count;
    EXPECT_TRUE(tests::same_bits(found.weights, found.main.to(at::kBFloat16))) << count;
  }
}

TEST(Adamw, AgreesWithTheFusedOperationOfATen) {
  constexpr std::int64_t kCount = 4097;
  Buffers found(kCount);
  at::Tensor main = found.main.clone(), first = at::zeros({kCount}), second = at::zeros({kCount}),
             updates = at::zeros({});
  at::Tensor none;
  for (std::int64_t update = 1; update <= 4; ++update) {
    const at::Tensor gradients = numbers(kCount, static_cast<double>(update));
    cpu::adamw(found.main, found.first, found.second, gradients, none,
               adamw_factors(kLr, kBeta1, kBeta2, kEps, kDecay, 1, update));
    updates.add_(1);
    at::_fused_adamw_({main}, {gradients.clone()}, {first}, {second}, {}, {updates}, kLr, kBeta1, kBeta2, kDecay, kEps,
                      false, false);
  }
  EXPECT_TRUE(near(found.main, main, 1e-6, 1e-6));
}

TEST(Adamw, TheFormOfATenOperationsAgrees) {
  Buffers found(513), plain(513);
  for (std::int64_t update = 1; update <= 3; ++update) {
    const at::Tensor gradients = numbers(513, static_cast<double>(update));
    cpu::adamw(found.main, found.first, found.second, gradients, found.weights, factors_of(update));
    plain::adamw(plain.main, plain.first, plain.second, gradients, plain.weights, factors_of(update));
  }
  EXPECT_TRUE(near(found.main, plain.main, 1e-6, 1e-6));
  EXPECT_TRUE(near(cpu::square_sum(found.main), plain::square_sum(found.main), 0, 1e-12));
}

TEST(SquareSum, IsExactAndIndependentOfTheThreads) {
  const at::Tensor values = numbers(200003, 0.5);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor one = cpu::square_sum(values);
  at::set_num_threads(2);
  const at::Tensor two = cpu::square_sum(values);
  at::set_num_threads(threads);
  EXPECT_TRUE(tests::same_bits(one, two));
  EXPECT_TRUE(near(one, values.to(at::kDouble).square().sum(), 0, 1e-12));
  EXPECT_EQ(cpu::square_sum(at::full({40}, 3.0)).item<double>(), 360);
}

}  // namespace
}  // namespace muster::train
