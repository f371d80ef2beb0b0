// Rows of logits into what a log-softmax needs, and into their own gradient. A block owns a row; its threads walk it in
// steps of block.size(). `Block` also gives reduce(f, combine): f(thread) of all threads combined. Letters: V
// vocabulary rows of this rank.
#pragma once

#include "runtime/ops/cuda/scalars.h"

namespace muster::ops::cuda {

/// Running maximum m, sum of exp(l - m), sum of exp(l - m) * (l - m).
struct RunningSum {
  float maximum, sum, weighted;
};

MUSTER_BODY RunningSum combined(const RunningSum& a, const RunningSum& b) {
  const float maximum = a.maximum > b.maximum ? a.maximum : b.maximum;
  // An empty part has sum 0 and no finite maximum: it must not turn into NaN.
  const float shift_a = a.sum > 0 ? a.maximum - maximum : 0.0f, shift_b = b.sum > 0 ? b.maximum - maximum : 0.0f;
  const float factor_a = a.sum > 0 ? expf(shift_a) : 0.0f, factor_b = b.sum > 0 ? expf(shift_b) : 0.0f;
  return {maximum, a.sum * factor_a + b.sum * factor_b,
          factor_a * (a.weighted + a.sum * shift_a) + factor_b * (b.weighted + b.sum * shift_b)};
}

/// One more logit. Entries of -infinity have no share.
MUSTER_BODY void add_logit(RunningSum& sum, float logit) {
  if (logit == -INFINITY) return;
  if (logit > sum.maximum) {
    sum = combined(sum, {logit, 1.0f, 0.0f});
  } else {
    const float below = logit - sum.maximum, weight = expf(below);
    sum.sum += weight;
    sum.weighted += weight * below;
  }
}

template <class T>
struct ScoreLoop {
  const T* logits_NV;
  const std::int64_t* targets_N;  // may lie outside of [0, V)
  float scale;
  float *maxima_N, *sums_N, *weighted_N, *chosen_N;
  std::int64_t V;
};

template <class T, class Block>
MUSTER_BODY void score_row(const Block& block, const ScoreLoop<T>& loop, std::int64_t row) {
  const T* const logits = loop.logits_NV + row * loop.V;
  const RunningSum total = block.reduce(
      [&](int thread) {
        RunningSum own{-INFINITY, 0.0f, 0.0f};
        for (std::int64_t v = thread; v < loop.V; v += block.size()) add_logit(own, to_float(logits[v]) * loop.scale);
        return own;
      },
      [](const RunningSum& a, const RunningSum& b) { return combined(a, b); });
  block.each([&](int thread) {
    if (thread != 0) return;
    const std::int64_t target = loop.targets_N[row];
    loop.maxima_N[row] = total.maximum;
    loop.sums_N[row] = total.sum;
    loop.weighted_N[row] = total.weighted;
    loop.chosen_N[row] = target >= 0 && target < loop.V ? to_float(logits[target]) * loop.scale : 0.0f;
  });
}

template <class T>
struct ScoreBackwardLoop {
  T* logits_NV;  // overwritten by the gradient
  const std::int64_t* targets_N;
  const float *lse_N, *weights_N;
  const float *entropy_slopes_N, *entropy_N;  // null: no loss looks at the entropy
  float scale;
  std::int64_t V;
};

/// As ScoreRowsBackward says.
template <class T, class Block>
MUSTER_BODY void score_backward_row(const Block& block, const ScoreBackwardLoop<T>& loop, std::int64_t row) {
  T* const logits = loop.logits_NV + row * loop.V;
  const float factor = loop.weights_N[row] * loop.scale, lse = loop.lse_N[row];
  const std::int64_t target = loop.targets_N[row];
  const float slope = loop.entropy_slopes_N != nullptr ? loop.entropy_slopes_N[row] * loop.scale : 0.0f;
  const float level = slope == 0.0f ? factor : factor + slope * loop.entropy_N[row];
  block.each([&](int thread) {
    for (std::int64_t v = thread; v < loop.V; v += block.size()) {
      const float logprob = to_float(logits[v]) * loop.scale - lse;
      const float share =
          factor == 0.0f && slope == 0.0f ? 0.0f : -expf(logprob) * (slope == 0.0f ? factor : level + slope * logprob);
      store(logits[v], v == target ? share + factor : share);
    }
  });
}

}  // namespace muster::ops::cuda
