// Rows of logits into what a log-softmax needs, and into their own gradient: the element-wise part of
// vocabulary-parallel scores. Letters: N scored tokens, V rows of the vocabulary on this rank.
#pragma once

#include "runtime/ops/forms.h"

namespace muster::ops {

/// Of each row of scale * logits, over this rank's part of the vocabulary, float32 [N] each: the maximum m; the sum of
/// exp(l - m); the sum of exp(l - m) * (l - m); and l at the target (0 where the target, an index into the part, is
/// outside of it).
struct RowFigures {
  at::Tensor maxima_N, sums_N, weighted_N, targets_N;
};
using ScoreRows = RowFigures(const at::Tensor& logits_NV, const at::Tensor& targets_N, double scale);
/// What the gradient of each row needs, float32: that of the log-probability of its target, that of its entropy, and
/// the entropy itself. The last two are undefined where no loss looks at the entropy.
struct RowGradients {
  at::Tensor dlogprobs_N, dentropy_N, entropy_N;
};
/// With p = exp(l - lse) of l = scale * logits, overwrites logits by
///   scale * ((onehot(target) - p) * dlogprobs - p * (l - lse + entropy) * dentropy).
/// source: the derivative of H = -sum p log p by l_v is -p_v (log p_v + H).
using ScoreRowsBackward = void(at::Tensor& logits_NV, const at::Tensor& targets_N, const at::Tensor& lse_N,
                               const RowGradients& gradients, double scale);

KernelTable<ScoreRows>& score_rows_kernels();
KernelTable<ScoreRowsBackward>& score_rows_backward_kernels();

namespace cpu {
ScoreRows score_rows;
ScoreRowsBackward score_rows_backward;
}  // namespace cpu

/// The same in ATen operations.
namespace plain {
ScoreRows score_rows;
ScoreRowsBackward score_rows_backward;
}  // namespace plain

}  // namespace muster::ops
