// The CPU forms of the layers' operations against the plain ATen forms in float64, forwards and backwards.
// Letters: T tokens, D width, O outputs, V vocabulary rows, F feed-forward width, E head width.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/ops/layer_forms.h"
#include "tests/support/tensor_support.h"

namespace muster::ops {
namespace {

using tests::near;

/// Tolerances against float64: float32 sums of up to a thousand terms; bf16 keeps eight bits.
struct Precision {
  at::ScalarType type;
  double absolute, relative;
};
const Precision kPrecisions[] = {{at::kFloat, 3e-6, 3e-6}, {at::kBFloat16, 2e-2, 1e-2}};

at::Tensor random(at::IntArrayRef shape, int seed, at::ScalarType type) {
  return at::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions().dtype(at::kDouble))
      .to(type);
}

Param weight(at::IntArrayRef shape, int seed, at::ScalarType type) {
  return {random(shape, seed, type), at::zeros(shape, at::kFloat)};
}

at::Tensor leaf(const at::Tensor& x) { return x.to(at::kDouble).detach().requires_grad_(true); }

TEST(Layers, EmbeddingGivesRowsAndZerosForTokensOfOtherRanks) {
  for (const Precision& precision : kPrecisions) {
    const Param table = weight({11, 6}, 1, precision.type);
    const at::Tensor tokens = at::tensor({3, 0, -2, 10, 11, 3}, at::kLong),
                     anchor = at::zeros({}, at::kFloat).requires_grad_(true);
    const at::Tensor x = embedding(tokens, table, anchor), upstream = random({6, 6}, 2, precision.type);
    EXPECT_TRUE(near(x, plain::embedding_forward(tokens, table.value), 0, 0));
    x.backward(upstream);
    at::Tensor expected = at::zeros({11, 6}, at::kDouble);
    plain::embedding_backward(tokens, upstream.to(at::kDouble), expected);
    EXPECT_TRUE(near(table.grad, expected, 1e-6, 1e-6));
  }
}

TEST(Layers, LinearAddsIntoTheWindowsOfItsGradients) {
  for (const Precision& precision : kPrecisions) {
    const Param matrix = weight({7, 5}, 1, precision.type), bias = weight({7}, 2, precision.type);
    matrix.grad.fill_(2);
    const at::Tensor x = random({9, 5}, 3, precision.type).requires_grad_(true),
                     upstream = random({9, 7}, 4, precision.type);
    const at::Tensor y = linear(x, matrix, bias);
    y.backward(upstream);
    const at::Tensor wide_x = leaf(x), wide_weight = leaf(matrix.value), wide_bias = leaf(bias.value);
    const at::Tensor expected = at::addmm(wide_bias, wide_x, wide_weight.t());
    expected.backward(upstream.to(at::kDouble));
    EXPECT_TRUE(near(y, expected, precision.absolute, precision.relative));
    EXPECT_TRUE(near(x.grad(), wide_x.grad(), precision.absolute, precision.relative));
    EXPECT_TRUE(near(matrix.grad, wide_weight.grad() + 2, 4 * precision.absolute, precision.relative));
    EXPECT_TRUE(near(bias.grad, wide_bias.grad(), 4 * precision.absolute, precision.relative));
  }
}

TEST(Layers, NormsMatchThePlainFormForRaggedWidths) {
  for (const Precision& precision : kPrecisions)
    for (const std::int64_t width : {1, 5, 16, 67, 576}) {
      const Param norm = weight({width}, 1, precision.type);
      const at::Tensor x = random({13, width}, 2, precision.type).requires_grad_(true),
                       upstream = random({13, width}, 3, precision.type);
      const at::Tensor y = rms_norm(x, norm, 1e-5);
      y.backward(upstream);
      const at::Tensor wide_x = leaf(x), wide_norm = leaf(norm.value);
      const at::Tensor expected = wide_x * (wide_x.square().mean(-1, true) + 1e-5).rsqrt() * wide_norm;
      expected.backward(upstream.to(at::kDouble));
      EXPECT_TRUE(near(y, expected, precision.absolute, precision.relative)) << width;
      EXPECT_TRUE(near(x.grad(), wide_x.grad(), 10 * precision.absolute, 10 * precision.relative)) << width;
      EXPECT_TRUE(near(norm.grad, wide_norm.grad(), 10 * precision.absolute, 10 * precision.relative)) << width;
    }
}

TEST(Layers, AddedNormReturnsTheSumAndSendsBothGradientsBack) {
  const Param norm = weight({24}, 1, at::kFloat);
  const at::Tensor residual = random({33, 24}, 2, at::kFloat).requires_grad_(true),
                   x = random({33, 24}, 3, at::kFloat).requires_grad_(true);
  const at::Tensor to_sum = random({33, 24}, 4, at::kFloat), to_normed = random({33, 24}, 5, at::kFloat);
  for (const bool uses_sum : {true, false}) {
    residual.mutable_grad().reset();
    x.mutable_grad().reset();
    norm.grad.zero_();
    const auto [sum, normed] = add_rms_norm(residual, x, norm, 1e-6);
    at::Tensor loss = (normed * to_normed).sum();
    if (uses_sum) loss = loss + (sum * to_sum).sum();
    loss.backward();
    const at::Tensor wide_residual = leaf(residual), wide_x = leaf(x), wide_norm = leaf(norm.value),
                     wide_sum = wide_residual + wide_x;
    const at::Tensor expected = wide_sum * (wide_sum.square().mean(-1, true) + 1e-6).rsqrt() * wide_norm;
    at::Tensor expected_loss = (expected * to_normed).sum();
    if (uses_sum) expected_loss = expected_loss + (wide_sum * to_sum).sum();
    expected_loss.backward();
    EXPECT_TRUE(near(sum, wide_sum, 1e-6, 1e-6));
    EXPECT_TRUE(near(normed, expected, 3e-6, 3e-6));
    EXPECT_TRUE(near(residual.grad(), wide_residual.grad(), 1e-5, 1e-5));
    EXPECT_TRUE(near(x.grad(), wide_x.grad(), 1e-5, 1e-5));
    EXPECT_TRUE(near(norm.grad, wide_norm.grad(), 1e-5, 1e-5));
  }
}

TEST(Layers, SwigluMatchesThePlainFormAlsoFarFromZero) {
  for (const Precision& precision : kPrecisions) {
    at::Tensor gate_up = random({10, 2 * 37}, 1, precision.type) * 3;
    gate_up[0].fill_(100);
    gate_up[1].fill_(-100);
    gate_up = gate_up.detach().requires_grad_(true);
    const at::Tensor upstream = random({10, 37}, 2, precision.type), y = swiglu(gate_up);
    y.backward(upstream);
    const at::Tensor wide_input = leaf(gate_up), halves = wide_input.view({10, 2, 37});
    const at::Tensor expected = at::silu(halves.select(1, 0)) * halves.select(1, 1);
    expected.backward(upstream.to(at::kDouble));
    EXPECT_TRUE(near(y, expected, precision.absolute, precision.relative));
    EXPECT_TRUE(near(gate_up.grad(), wide_input.grad(), 4 * precision.absolute, precision.relative));
  }
}

struct HeadCase {
  std::int64_t heads, kv_heads, width;
  bool norms;
};

TEST(Layers, HeadsAreNormalisedAndTurnedAsInThePlainForm) {
  for (const Precision& precision : kPrecisions)
    for (const HeadCase& shape : {HeadCase{4, 2, 16, true}, {9, 3, 64, false}, {3, 1, 12, true}, {1, 1, 2, false}}) {
      const std::int64_t T = 11, row = (shape.heads + 2 * shape.kv_heads) * shape.width;
      const at::Tensor angles = at::outer(at::arange(40, at::kFloat),
                                          at::rand({shape.width / 2}, at::make_generator<at::CPUGeneratorImpl>(7)));
      const RopeTable rope{angles.cos(), angles.sin()};
      const at::Tensor positions = at::tensor({0, 1, 2, 39, 4, 5, 0, 1, 2, 3, 30}, at::kLong);
      const Param q_norm = shape.norms ? weight({shape.width}, 1, precision.type) : Param{},
                  k_norm = shape.norms ? weight({shape.width}, 2, precision.type) : Param{};
      const at::Tensor qkv = random({T, row}, 3, precision.type).requires_grad_(true);
      const Heads heads =
          split_heads(qkv, shape.heads, shape.kv_heads, shape.width, q_norm, k_norm, 1e-6, rope, positions);
      const HeadShape sizes{shape.heads, shape.kv_heads, shape.width, 1e-6};
      const at::Tensor wide_qkv = qkv.detach().to(at::kDouble);
      const auto wide_norm = [](const Param& norm) { return norm ? norm.value.to(at::kDouble) : at::Tensor(); };
      const Heads expected =
          plain::split_heads_forward(wide_qkv, sizes, wide_norm(q_norm), wide_norm(k_norm), rope, positions);
      EXPECT_TRUE(near(heads.q_THE, expected.q_THE, precision.absolute, precision.relative));
      EXPECT_TRUE(near(heads.k_TKE, expected.k_TKE, precision.absolute, precision.relative));
      EXPECT_TRUE(near(heads.v_TKE, expected.v_TKE, 0, 0));

      const Heads upstream{random(heads.q_THE.sizes(), 4, precision.type),
                           random(heads.k_TKE.sizes(), 5, precision.type),
                           random(heads.v_TKE.sizes(), 6, precision.type)};
      ((heads.q_THE * upstream.q_THE).sum(at::kFloat) + (heads.k_TKE * upstream.k_TKE).sum(at::kFloat) +
       (heads.v_TKE * upstream.v_TKE).sum(at::kFloat))
          .backward();
      at::Tensor expected_q = shape.norms ? at::zeros({shape.width}, at::kDouble) : at::Tensor(),
                 expected_k = expected_q.defined() ? expected_q.clone() : expected_q;
      const Heads wide_upstream{upstream.q_THE.to(at::kDouble), upstream.k_TKE.to(at::kDouble),
                                upstream.v_TKE.to(at::kDouble)};
      const at::Tensor dqkv = plain::split_heads_backward(wide_upstream, wide_qkv, sizes, wide_norm(q_norm),
                                                          wide_norm(k_norm), rope, positions, expected_q, expected_k);
      EXPECT_TRUE(near(qkv.grad(), dqkv, 4 * precision.absolute, 4 * precision.relative));
      if (!shape.norms) continue;
      EXPECT_TRUE(near(q_norm.grad, expected_q, 10 * precision.absolute, 10 * precision.relative));
      EXPECT_TRUE(near(k_norm.grad, expected_k, 10 * precision.absolute, 10 * precision.relative));
    }
}

TEST(Layers, PlainBackwardsAgreeWithFiniteDifferences) {
  const at::Tensor x = random({3, 8}, 1, at::kDouble), norm = random({8}, 2, at::kDouble),
                   upstream = random({3, 8}, 3, at::kDouble);
  const auto [sum, normed, rstd] = plain::rms_norm_forward(at::Tensor(), x, norm, 1e-6);
  at::Tensor grad = at::zeros({8}, at::kDouble);
  const at::Tensor dx = plain::rms_norm_backward(upstream, at::Tensor(), sum, norm, rstd, grad);
  at::Tensor differences = at::zeros_like(x);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const auto value = [&](double step) {
      at::Tensor moved = x.clone();
      moved.view({-1})[i] += step;
      return (std::get<1>(plain::rms_norm_forward(at::Tensor(), moved, norm, 1e-6)) * upstream).sum().item<double>();
    };
    differences.view({-1})[i] = (value(1e-5) - value(-1e-5)) / 2e-5;
  }
  EXPECT_TRUE(near(dx, differences, 1e-8, 1e-7));
}

TEST(Layers, NothingIsKeptWhenNoGradientIsWanted) {
  const Param norm = weight({8}, 1, at::kFloat), matrix = weight({4, 8}, 2, at::kFloat);
  const at::Tensor x = random({3, 8}, 3, at::kFloat).requires_grad_(true);
  const at::NoGradGuard none;
  EXPECT_FALSE(linear(rms_norm(x, norm, 1e-6), matrix, {}).requires_grad());
  const c10::InferenceMode inference;
  EXPECT_TRUE(add_rms_norm(x, x, norm, 1e-6).second.is_inference());
}

TEST(Layers, AMissingFormIsRefusedUnlessPlainFormsAreAllowed) {
  const at::Tensor x = at::empty({3, 8}, at::TensorOptions().device(at::kMeta));
  try {
    swiglu(x);
    FAIL() << "there is no meta form";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::cluster);
    EXPECT_NE(std::string(error.what()).find("'swiglu' has no form for device 'meta'"), std::string::npos)
        << error.what();
  }
  allow_plain_forms(true);
  EXPECT_EQ(swiglu(x).size(1), 4);
  allow_plain_forms(false);
}

}  // namespace
}  // namespace muster::ops
