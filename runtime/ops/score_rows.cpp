// Dispatch and CPU forms of rows of scores. Letters: N scored tokens, V rows of the vocabulary on this rank.
#include "runtime/ops/score_rows.h"

#include <ATen/ATen.h>

#include "runtime/base/error.h"
#include "runtime/ops/cpu_tensors.h"
#include "runtime/ops/kernels/kernels.h"
#include "runtime/ops/threads.h"

namespace muster::ops {

KernelTable<ScoreRows>& score_rows_kernels() {
  static KernelTable<ScoreRows> forms{"score_rows", cpu::score_rows, plain::score_rows};
  return forms;
}

KernelTable<ScoreRowsBackward>& score_rows_backward_kernels() {
  static KernelTable<ScoreRowsBackward> forms{"score_rows_backward", cpu::score_rows_backward,
                                              plain::score_rows_backward};
  return forms;
}

namespace cpu {
namespace {

std::int64_t grain_of(std::int64_t V) { return std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, V)); }

}  // namespace

RowFigures score_rows(const at::Tensor& logits_NV, const at::Tensor& targets_N, double scale) {
  const at::Tensor logits = as_float(logits_NV), targets = targets_N.contiguous();
  const std::int64_t N = logits.size(0), V = logits.size(1);
  const auto row = [&] { return at::empty({N}, logits.options()); };
  RowFigures figures{row(), row(), row(), row()};
  float *const maxima = figures.maxima_N.mutable_data_ptr<float>(),
               *const sums = figures.sums_N.mutable_data_ptr<float>(),
               *const weighted = figures.weighted_N.mutable_data_ptr<float>(),
               *const chosen = figures.targets_N.mutable_data_ptr<float>();
  const float* const rows = data_of(logits);
  const std::int64_t* const ids = targets.const_data_ptr<std::int64_t>();
  parallel_rows(N, grain_of(V), [&](std::int64_t begin, std::int64_t end, int) {
    kernels().score_rows(rows + begin * V, ids + begin, static_cast<float>(scale), maxima + begin, sums + begin,
                         weighted + begin, chosen + begin, end - begin, V);
  });
  return figures;
}

void score_rows_backward(at::Tensor& logits_NV, const at::Tensor& targets_N, const at::Tensor& lse_N,
                         const RowGradients& gradients, double scale) {
  if (logits_NV.scalar_type() != at::kFloat)
    return plain::score_rows_backward(logits_NV, targets_N, lse_N, gradients, scale);
  INVARIANT(logits_NV.is_contiguous(), "logits are overwritten row by row");
  const at::Tensor targets = targets_N.contiguous(), lse = as_float(lse_N), weights = as_float(gradients.dlogprobs_N);
  const bool has_entropy = gradients.dentropy_N.defined();
  const at::Tensor slopes = has_entropy ? as_float(gradients.dentropy_N) : at::Tensor(),
                   entropy = has_entropy ? as_float(gradients.entropy_N) : at::Tensor();
  const std::int64_t V = logits_NV.size(1);
  float* const rows = logits_NV.mutable_data_ptr<float>();
  const std::int64_t* const ids = targets.const_data_ptr<std::int64_t>();
  parallel_rows(logits_NV.size(0), grain_of(V), [&](std::int64_t begin, std::int64_t end, int) {
    kernels().score_rows_backward(rows + begin * V, ids + begin, data_of(lse) + begin, data_of(weights) + begin,
                                  has_entropy ? data_of(slopes) + begin : nullptr,
                                  has_entropy ? data_of(entropy) + begin : nullptr, static_cast<float>(scale),
                                  end - begin, V);
  });
}

}  // namespace cpu
}  // namespace muster::ops
