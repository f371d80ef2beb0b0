// Log-probabilities, entropy and gradients against float64 log_softmax, in one chunk and in several.
// Letters: N scored tokens, D width, V vocabulary.
#include "runtime/parallel/vocabulary.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/comm/solo_communicator.h"
#include "tests/support/tensor_support.h"

namespace muster::parallel {
namespace {

using tests::near;

at::Tensor random(at::IntArrayRef shape, int seed) {
  return at::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions().dtype(at::kFloat));
}

struct Case {
  std::int64_t tokens, width, vocabulary, chunk;
  double temperature;
  bool with_entropy = false;
};

TEST(TokenLogprobs, MatchLogSoftmaxWhateverTheChunk) {
  const auto tp = comm::make_solo("tp");
  for (const Case& shape : {Case{23, 16, 50, 100, 1.0},
                            {23, 16, 50, 23, 0.7},
                            {23, 16, 50, 7, 1.3},
                            {1, 8, 5, 1, 1.0},
                            {40, 64, 1000, 16, 1.0},
                            {0, 8, 5, 4, 1.0},
                            {23, 16, 50, 100, 1.0, true},
                            {23, 16, 50, 7, 0.7, true},
                            {0, 8, 5, 4, 1.0, true}}) {
    const at::Tensor hidden = random({shape.tokens, shape.width}, 1).requires_grad_(true),
                     upstream = random({shape.tokens}, 3), of_entropy = random({shape.tokens}, 4);
    if (shape.tokens > 3) upstream[2] = of_entropy[2] = of_entropy[5] = 0;
    const ops::Param head{random({shape.vocabulary, shape.width}, 2),
                          at::ones({shape.vocabulary, shape.width}, at::kFloat)};
    const at::Tensor targets = at::arange(shape.tokens, at::kLong).mul(7).remainder(shape.vocabulary);
    const TokenLogprobs scores =
        token_logprobs(*tp, hidden, head, {0, shape.vocabulary}, targets, shape.temperature, shape.chunk);
    at::Tensor loss = (scores.logprobs_N * upstream).sum();
    if (shape.with_entropy) loss = loss + (scores.entropy_N * of_entropy).sum();
    loss.backward();

    const at::Tensor wide_hidden = hidden.detach().to(at::kDouble).requires_grad_(true),
                     wide_head = head.value.to(at::kDouble).requires_grad_(true);
    const at::Tensor all = (at::mm(wide_hidden, wide_head.t()) / shape.temperature).log_softmax(-1);
    const at::Tensor expected = all.gather(1, targets.unsqueeze(1)).squeeze(1);
    const at::Tensor expected_entropy = -(all.exp() * all).sum(-1);
    at::Tensor expected_loss = (expected * upstream.to(at::kDouble)).sum();
    if (shape.with_entropy) expected_loss = expected_loss + (expected_entropy * of_entropy.to(at::kDouble)).sum();
    expected_loss.backward();
    EXPECT_TRUE(near(scores.logprobs_N, expected, 3e-6, 3e-6));
    // The entropy is the difference of two numbers near 10.
    EXPECT_TRUE(near(scores.entropy_N, expected_entropy, 1e-5, 1e-5));
    EXPECT_TRUE(near(hidden.grad(), wide_hidden.grad(), 1e-5, 1e-5));
    EXPECT_TRUE(near(head.grad, wide_head.grad() + 1, 1e-5, 1e-5));
    const at::NoGradGuard none;
    EXPECT_TRUE(tests::same_bits(
        token_logprobs(*tp, hidden, head, {0, shape.vocabulary}, targets, shape.temperature, shape.chunk).logprobs_N,
        scores.logprobs_N.detach()));
  }
}

TEST(TokenLogprobs, StayFiniteForSharpDistributions) {
  const auto tp = comm::make_solo("tp");
  const at::Tensor hidden = at::eye(4, at::kFloat) * 1000;
  const ops::Param head{at::eye(4, at::kFloat), at::Tensor()};
  const TokenLogprobs scores = token_logprobs(*tp, hidden, head, {0, 4}, at::tensor({0, 1, 2, 0}, at::kLong), 1.0, 2);
  EXPECT_TRUE(near(scores.logprobs_N, at::tensor({0.0, 0.0, 0.0, -1000.0}), 1e-6, 1e-6));
  EXPECT_TRUE(near(scores.entropy_N, at::zeros({4}), 1e-6, 0));
}

TEST(TokenLogprobs, ComputeBf16InFloat32) {
  const auto tp = comm::make_solo("tp");
  const at::Tensor hidden = random({9, 16}, 1).to(at::kBFloat16).requires_grad_(true);
  const ops::Param head{random({30, 16}, 2).to(at::kBFloat16), at::zeros({30, 16}, at::kFloat)};
  const at::Tensor targets = at::arange(9, at::kLong);
  const TokenLogprobs scores = token_logprobs(*tp, hidden, head, {0, 30}, targets, 1.0, 4);
  EXPECT_EQ(scores.logprobs_N.scalar_type(), at::kFloat);
  const at::Tensor all = at::mm(hidden.detach().to(at::kDouble), head.value.to(at::kDouble).t()).log_softmax(-1);
  EXPECT_TRUE(near(scores.logprobs_N, all.gather(1, targets.unsqueeze(1)).squeeze(1), 1e-5, 1e-5));
  scores.logprobs_N.sum().backward();
  EXPECT_EQ(hidden.grad().scalar_type(), at::kBFloat16);
}

}  // namespace
}  // namespace muster::parallel
