// The bodies of our CUDA kernels, run on the host thread by thread, against the plain forms.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>

#include "runtime/base/files.h"
#include "runtime/ops/cuda/heads_bodies.h"
#include "runtime/ops/cuda/norm_bodies.h"
#include "runtime/ops/cuda/score_bodies.h"
#include "runtime/ops/cuda/swiglu_bodies.h"
#include "runtime/ops/layer_forms.h"
#include "runtime/ops/score_rows.h"
#include "tests/runtime/ops/cuda/host_block.h"
#include "tests/support/tensor_support.h"

namespace muster::ops::cuda {
namespace {

using tests::near;

/// One memory type: how ATen calls it, how kernels call it, and how far from the plain form a result may lie (bfloat16:
/// one unit in the last place, for the plain form rounds only at the end as well).
struct Float {
  using Type = float;
  static constexpr at::ScalarType kType = at::kFloat;
  static constexpr double kTolerance = 2e-6;
  static constexpr int kWide = 4;
};
struct Half {
  using Type = Bf16;
  static constexpr at::ScalarType kType = at::kBFloat16;
  static constexpr double kTolerance = 8e-3;
  static constexpr int kWide = 8;
};

template <class Memory>
class Bodies : public testing::Test {
 protected:
  using T = typename Memory::Type;
  at::Tensor random(at::IntArrayRef shape, double phase) const {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) count *= size;
    return (at::arange(count, at::kDouble) * 1.618 + phase).sin().mul(1.7).view(shape).to(Memory::kType).contiguous();
  }
  at::Tensor empty(at::IntArrayRef shape) const { return at::zeros(shape, at::TensorOptions().dtype(Memory::kType)); }
  T* at_of(const at::Tensor& tensor) const {
    return tensor.defined() ? static_cast<T*>(tensor.mutable_data_ptr()) : nullptr;
  }
  testing::AssertionResult close(const at::Tensor& found, const at::Tensor& expected) const {
    return near(found, expected, Memory::kTolerance, Memory::kTolerance);
  }
};

using Memories = testing::Types<Float, Half>;
TYPED_TEST_SUITE(Bodies, Memories);

TEST(Scalars, Bfloat16RoundsAsATenDoes) {
  const at::Tensor values = at::cat({(at::arange(10000, at::kDouble) * 0.7).sin().mul(3.3).to(at::kFloat),
                                     at::tensor({0.0f, -0.0f, 1e-40f, 3e38f, INFINITY, -INFINITY})});
  const at::Tensor expected = values.to(at::kBFloat16);
  at::Tensor found = at::empty_like(expected);
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    store(static_cast<Bf16*>(found.mutable_data_ptr())[i], values.const_data_ptr<float>()[i]);
    EXPECT_EQ(to_float(static_cast<Bf16*>(found.mutable_data_ptr())[i]),
              static_cast<float>(expected[i].item<double>()));
  }
  EXPECT_TRUE(tests::same_bits(found, expected));
}

TYPED_TEST(Bodies, RmsNormEqualsThePlainForm) {
  constexpr std::int64_t kRows = 5, kWidth = 200;
  const at::Tensor residual = this->random({kRows, kWidth}, 0), x = this->random({kRows, kWidth}, 1),
                   weight = this->random({kWidth}, 2);
  for (const bool with_residual : {false, true}) {
    const auto [expected_sum, expected, expected_rstd] =
        plain::rms_norm_forward(with_residual ? residual : at::Tensor(), x, weight, 1e-5);
    const at::Tensor sum = this->empty({kRows, kWidth}), normed = this->empty({kRows, kWidth}),
                     rstd = at::zeros({kRows});
    const NormLoop<typename TestFixture::T> loop{this->at_of(with_residual ? residual : at::Tensor()),
                                                 this->at_of(x),
                                                 this->at_of(weight),
                                                 with_residual ? this->at_of(sum) : nullptr,
                                                 this->at_of(normed),
                                                 rstd.mutable_data_ptr<float>(),
                                                 kWidth,
                                                 1e-5f};
    for (std::int64_t row = 0; row < kRows; ++row) rms_norm_row<TypeParam::kWide>(HostBlock(64), loop, row);
    if (with_residual) {
      EXPECT_TRUE(this->close(sum, expected_sum));
    }
    EXPECT_TRUE(this->close(normed, expected));
    EXPECT_TRUE(near(rstd, expected_rstd, 1e-6, TypeParam::kTolerance));
  }
}

TYPED_TEST(Bodies, RmsNormBackwardEqualsThePlainForm) {
  constexpr std::int64_t kRows = 7, kWidth = 99;  // no width of loads fits
  const at::Tensor dnormed = this->random({kRows, kWidth}, 0), dsum = this->random({kRows, kWidth}, 1),
                   sum = this->random({kRows, kWidth}, 2), weight = this->random({kWidth}, 3);
  const at::Tensor rstd = std::get<2>(plain::rms_norm_forward(at::Tensor(), sum, weight, 1e-5)).contiguous();
  for (const bool with_dsum : {false, true}) {
    at::Tensor expected_grad = at::ones({kWidth}), grad = at::ones({kWidth});
    const at::Tensor expected =
        plain::rms_norm_backward(dnormed, with_dsum ? dsum : at::Tensor(), sum, weight, rstd, expected_grad);
    const at::Tensor dx = this->empty({kRows, kWidth}), partials = at::zeros({2, kWidth});
    const NormBackwardLoop<typename TestFixture::T> loop{this->at_of(dnormed),
                                                         this->at_of(with_dsum ? dsum : at::Tensor()),
                                                         this->at_of(sum),
                                                         this->at_of(weight),
                                                         rstd.const_data_ptr<float>(),
                                                         this->at_of(dx),
                                                         kRows,
                                                         kWidth};
    for (std::int64_t row = 0; row < kRows; ++row) rms_norm_backward_row<1>(HostBlock(32), loop, row);
    float* const parts = partials.mutable_data_ptr<float>();
    for (std::int64_t column = 0; column < kWidth; ++column) {
      rms_norm_weight_column(loop, column, 0, 4, parts + column);
      rms_norm_weight_column(loop, column, 4, kRows, parts + kWidth + column);
      add_partials(parts, 2, kWidth, column, grad.mutable_data_ptr<float>());
    }
    EXPECT_TRUE(this->close(dx, expected));
    EXPECT_TRUE(near(grad, expected_grad, 1e-5, TypeParam::kTolerance));
  }
}

TYPED_TEST(Bodies, SwigluAndItsBackwardEqualThePlainForms) {
  constexpr std::int64_t kRows = 3, kF = 48;
  const at::Tensor gate_up = this->random({kRows, 2 * kF}, 0) * 3, dy = this->random({kRows, kF}, 1);
  const at::Tensor y = this->empty({kRows, kF}), dgate_up = this->empty({kRows, 2 * kF});
  constexpr int W = TypeParam::kWide;
  for (std::int64_t row = 0; row < kRows; ++row) {
    for (std::int64_t pack = 0; pack < kF / W; ++pack) {
      swiglu_pack<W>(this->at_of(gate_up), this->at_of(y), kF, row, pack);
      swiglu_backward_pack<W>(this->at_of(dy), this->at_of(gate_up), this->at_of(dgate_up), kF, row, pack);
    }
  }
  EXPECT_TRUE(this->close(y, plain::swiglu_forward(gate_up)));
  EXPECT_TRUE(this->close(dgate_up, plain::swiglu_backward(dy, gate_up)));
}

TYPED_TEST(Bodies, SplitHeadsAndItsBackwardEqualThePlainForms) {
  constexpr std::int64_t kTokens = 6, kHeads = 4, kKvHeads = 2, kE = 24, kPositions = 32;
  const HeadShape shape{kHeads, kKvHeads, kE, 1e-5};
  const at::Tensor qkv = this->random({kTokens, (kHeads + 2 * kKvHeads) * kE}, 0);
  const at::Tensor angles =
      at::arange(kPositions, at::kFloat).unsqueeze(1) * (at::arange(kE / 2, at::kFloat) * 0.3).neg().exp();
  const RopeTable rope{angles.cos().contiguous(), angles.sin().contiguous()};
  const at::Tensor positions = at::tensor(std::vector<std::int64_t>{0, 1, 5, 5, 30, 2}, at::kLong);
  for (const bool with_norms : {false, true}) {
    const at::Tensor q_norm = with_norms ? this->random({kE}, 1) : at::Tensor(),
                     k_norm = with_norms ? this->random({kE}, 2) : at::Tensor();
    const Heads expected = plain::split_heads_forward(qkv, shape, q_norm, k_norm, rope, positions);
    const at::Tensor q = this->empty({kTokens, kHeads, kE}), k = this->empty({kTokens, kKvHeads, kE}),
                     v = this->empty({kTokens, kKvHeads, kE});
    const Heads gradients{this->random({kTokens, kHeads, kE}, 3), this->random({kTokens, kKvHeads, kE}, 4),
                          this->random({kTokens, kKvHeads, kE}, 5)};
    const at::Tensor dqkv = this->empty(qkv.sizes()), partials = at::zeros({2, kHeads + 2 * kKvHeads, kE});
    HeadsLoop<typename TestFixture::T> loop{.tokens = kTokens,
                                            .num_heads = kHeads,
                                            .num_kv_heads = kKvHeads,
                                            .head_dim = kE,
                                            .eps = 1e-5f,
                                            .q_norm_E = this->at_of(q_norm),
                                            .k_norm_E = this->at_of(k_norm),
                                            .cos_PE2 = rope.cos_PE2.template const_data_ptr<float>(),
                                            .sin_PE2 = rope.sin_PE2.template const_data_ptr<float>(),
                                            .positions_T = positions.template const_data_ptr<std::int64_t>(),
                                            .qkv = this->at_of(qkv),
                                            .q_THE = this->at_of(q),
                                            .k_TKE = this->at_of(k),
                                            .v_TKE = this->at_of(v),
                                            .dq_THE = this->at_of(gradients.q_THE),
                                            .dk_TKE = this->at_of(gradients.k_TKE),
                                            .dv_TKE = this->at_of(gradients.v_TKE),
                                            .dqkv = this->at_of(dqkv)};
    for (std::int64_t head = 0; head < kHeads + 2 * kKvHeads; ++head) {
      for (std::int64_t token = 0; token < kTokens; ++token) split_head(HostBlock(32), loop, token, head);
      float* const parts = partials.mutable_data_ptr<float>() + head * kE;
      split_head_backward(HostBlock(32), loop, head, 0, 4, parts);
      split_head_backward(HostBlock(32), loop, head, 4, kTokens, parts + (kHeads + 2 * kKvHeads) * kE);
    }
    EXPECT_TRUE(this->close(q, expected.q_THE));
    EXPECT_TRUE(this->close(k, expected.k_TKE));
    EXPECT_TRUE(tests::same_bits(v, expected.v_TKE));
    at::Tensor grad_q = with_norms ? at::zeros({kE}) : at::Tensor(),
               grad_k = with_norms ? at::zeros({kE}) : at::Tensor();
    EXPECT_TRUE(this->close(
        dqkv, plain::split_heads_backward(gradients, qkv, shape, q_norm, k_norm, rope, positions, grad_q, grad_k)));
    if (!with_norms) continue;
    EXPECT_TRUE(near(partials.sum(0).slice(0, 0, kHeads).sum(0), grad_q, 1e-5, TypeParam::kTolerance));
    EXPECT_TRUE(near(partials.sum(0).slice(0, kHeads, kHeads + kKvHeads).sum(0), grad_k, 1e-5, TypeParam::kTolerance));
  }
}

TYPED_TEST(Bodies, RowsOfScoresEqualThePlainForm) {
  constexpr std::int64_t kRows = 4, kV = 1500;
  const at::Tensor logits = this->random({kRows, kV}, 0) * 4,
                   targets = at::tensor(std::vector<std::int64_t>{0, 1499, -3, 2000}, at::kLong);
  constexpr double kScale = 1.3;
  const RowFigures expected = plain::score_rows(logits, targets, kScale);
  const at::Tensor maxima = at::zeros({kRows}), sums = at::zeros({kRows}), weighted = at::zeros({kRows}),
                   chosen = at::zeros({kRows});
  const ScoreLoop<typename TestFixture::T> loop{this->at_of(logits),
                                                targets.const_data_ptr<std::int64_t>(),
                                                static_cast<float>(kScale),
                                                maxima.mutable_data_ptr<float>(),
                                                sums.mutable_data_ptr<float>(),
                                                weighted.mutable_data_ptr<float>(),
                                                chosen.mutable_data_ptr<float>(),
                                                kV};
  for (std::int64_t row = 0; row < kRows; ++row) score_row(HostBlock(1024), loop, row);
  EXPECT_TRUE(near(maxima, expected.maxima_N, 1e-5, 1e-6));
  EXPECT_TRUE(near(sums, expected.sums_N, 1e-5, 1e-5));
  EXPECT_TRUE(near(weighted, expected.weighted_N, 1e-4, 1e-5));
  EXPECT_TRUE(near(chosen, expected.targets_N, 1e-6, 1e-6));

  const at::Tensor lse = expected.maxima_N + expected.sums_N.log(), weights = at::tensor({0.5f, -1.0f, 0.0f, 2.0f}),
                   slopes = at::tensor({0.3f, 0.0f, -0.7f, 1.0f}),
                   entropy = expected.sums_N.log() - expected.weighted_N / expected.sums_N;
  for (const bool with_entropy : {false, true}) {
    at::Tensor expected_gradient = logits.clone(), gradient = logits.clone();
    plain::score_rows_backward(
        expected_gradient, targets, lse,
        with_entropy ? RowGradients{weights, slopes, entropy} : RowGradients{.dlogprobs_N = weights}, kScale);
    const ScoreBackwardLoop<typename TestFixture::T> backward{this->at_of(gradient),
                                                              targets.const_data_ptr<std::int64_t>(),
                                                              lse.const_data_ptr<float>(),
                                                              weights.const_data_ptr<float>(),
                                                              with_entropy ? slopes.const_data_ptr<float>() : nullptr,
                                                              with_entropy ? entropy.const_data_ptr<float>() : nullptr,
                                                              static_cast<float>(kScale),
                                                              kV};
    for (std::int64_t row = 0; row < kRows; ++row) score_backward_row(HostBlock(1024), backward, row);
    EXPECT_TRUE(near(gradient, expected_gradient, 1e-6, TypeParam::kTolerance)) << with_entropy;
  }
}

TEST(ScoreBodies, ARowShorterThanTheBlockHasNoNan) {
  const at::Tensor logits = at::tensor({1.0f, -2.0f, 0.5f}).view({1, 3}), target = at::zeros({1}, at::kLong);
  const RowFigures expected = plain::score_rows(logits, target, 1);
  float maximum = 0, sum = 0, weighted = 0, chosen = 0;
  score_row(HostBlock(1024),
            ScoreLoop<float>{logits.const_data_ptr<float>(), target.const_data_ptr<std::int64_t>(), 1.0f, &maximum,
                             &sum, &weighted, &chosen, 3},
            0);
  EXPECT_NEAR(sum, expected.sums_N.item<double>(), 1e-6);
  EXPECT_NEAR(weighted, expected.weighted_N.item<double>(), 1e-6);
}

/// The quoted first argument of every call that `begin` opens in the sources of a folder.
std::set<std::string> names_in(const std::string& folder, const std::string& begin) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(MUSTER_SOURCE_DIR) / folder)) {
    if (entry.path().extension() != ".cpp") continue;
    const std::string text = base::read_file(entry.path());
    const std::regex call(begin + R"re(\s*"([a-z_]+)")re");
    for (std::sregex_iterator found(text.begin(), text.end(), call), none; found != none; ++found)
      names.insert((*found)[1]);
  }
  return names;
}

TEST(Registration, EveryTableHasACudaFormUnderItsName) {
  for (const auto& [room, count] : {std::pair<std::string, std::size_t>{"runtime/ops", 14}, {"runtime/train", 2}}) {
    const std::set<std::string> tables = names_in(room, R"re(KernelTable<\w+> forms[{(])re");
    EXPECT_EQ(tables.size(), count) << room;
    EXPECT_EQ(names_in(room + "/cuda", R"re(forms\.add<\w+>\()re"), tables) << room;
  }
}

}  // namespace
}  // namespace muster::ops::cuda
