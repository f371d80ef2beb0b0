// RMSNorm, alone or behind a residual sum, and its backward. A block owns a row; its threads own packs of W columns
// each, block.size() packs apart. `Block` gives each(f): f(thread) on every thread; sum(f): the sum of f(thread) over
// the block, known to all. Letters: N rows, D columns. T: the type in memory of activations and weight.
#pragma once

#include "runtime/ops/cuda/scalars.h"

namespace muster::ops::cuda {

template <class T>
struct NormLoop {
  const T *residual_ND, *x_ND, *weight_D;  // residual null: the sum is x and is not written
  T *sum_ND, *normed_ND;
  float* rstd_N;
  std::int64_t D;
  float eps;
};

template <int W, class T, class Block>
MUSTER_BODY void rms_norm_row(const Block& block, const NormLoop<T>& loop, std::int64_t row) {
  const std::int64_t packs = loop.D / W, at = row * loop.D;
  const T* const source = loop.residual_ND != nullptr ? loop.sum_ND + at : loop.x_ND + at;
  const float squares = block.sum([&](int thread) {
    float total = 0;
    for (std::int64_t p = thread; p < packs; p += block.size()) {
      Pack<T, W> x = load<W>(loop.x_ND + at, p);
      if (loop.residual_ND != nullptr) {
        const Pack<T, W> residual = load<W>(loop.residual_ND + at, p);
        for (int i = 0; i < W; ++i) store(x.value[i], to_float(x.value[i]) + to_float(residual.value[i]));
        save<W>(loop.sum_ND + at, p, x);
      }
      for (int i = 0; i < W; ++i) total += to_float(x.value[i]) * to_float(x.value[i]);
    }
    return total;
  });
  const float rstd = 1.0f / sqrtf(squares / static_cast<float>(loop.D) + loop.eps);
  block.each([&](int thread) {
    if (thread == 0) loop.rstd_N[row] = rstd;
    for (std::int64_t p = thread; p < packs; p += block.size()) {  // each thread reads what it wrote itself
      const Pack<T, W> x = load<W>(source, p), weight = load<W>(loop.weight_D, p);
      Pack<T, W> normed;
      for (int i = 0; i < W; ++i) store(normed.value[i], to_float(x.value[i]) * rstd * to_float(weight.value[i]));
      save<W>(loop.normed_ND + at, p, normed);
    }
  });
}

template <class T>
struct NormBackwardLoop {
  const T *dnormed_ND, *dsum_ND, *sum_ND, *weight_D;  // dsum null: none
  const float* rstd_N;
  T* dx_ND;
  std::int64_t N, D;
};

/// y = w x r with r = (mean(x^2) + eps)^-1/2:  dx = r (w dy) - x r^3 mean(x w dy).
template <int W, class T, class Block>
MUSTER_BODY void rms_norm_backward_row(const Block& block, const NormBackwardLoop<T>& loop, std::int64_t row) {
  const std::int64_t packs = loop.D / W, at = row * loop.D;
  const float along = block.sum([&](int thread) {
    float total = 0;
    for (std::int64_t p = thread; p < packs; p += block.size()) {
      const Pack<T, W> dy = load<W>(loop.dnormed_ND + at, p), x = load<W>(loop.sum_ND + at, p),
                       weight = load<W>(loop.weight_D, p);
      for (int i = 0; i < W; ++i) total += to_float(x.value[i]) * to_float(weight.value[i]) * to_float(dy.value[i]);
    }
    return total;
  });
  const float rstd = loop.rstd_N[row], share = along * rstd * rstd * rstd / static_cast<float>(loop.D);
  block.each([&](int thread) {
    for (std::int64_t p = thread; p < packs; p += block.size()) {
      const Pack<T, W> dy = load<W>(loop.dnormed_ND + at, p), x = load<W>(loop.sum_ND + at, p),
                       weight = load<W>(loop.weight_D, p);
      Pack<T, W> dx;
      for (int i = 0; i < W; ++i) {
        const float direct = loop.dsum_ND != nullptr ? to_float(loop.dsum_ND[at + p * W + i]) : 0.0f;
        store(dx.value[i],
              direct + to_float(weight.value[i]) * to_float(dy.value[i]) * rstd - to_float(x.value[i]) * share);
      }
      save<W>(loop.dx_ND + at, p, dx);
    }
  });
}

/// One thread owns one column of one chunk of rows: its part of the weight's gradient. Chunks keep the order of the sum
/// fixed.
template <class T>
MUSTER_BODY void rms_norm_weight_column(const NormBackwardLoop<T>& loop, std::int64_t column, std::int64_t first_row,
                                        std::int64_t last_row, float* partial) {
  float total = 0;
  for (std::int64_t row = first_row; row < last_row; ++row) {
    const std::int64_t at = row * loop.D + column;
    total += to_float(loop.dnormed_ND[at]) * to_float(loop.sum_ND[at]) * loop.rstd_N[row];
  }
  *partial = total;
}

/// One thread owns one column: adds the parts of all chunks to the gradient.
MUSTER_BODY void add_partials(const float* partials_CD, std::int64_t chunks, std::int64_t D, std::int64_t column,
                              float* grad_D) {
  float total = 0;
  for (std::int64_t c = 0; c < chunks; ++c) total += partials_CD[c * D + column];
  grad_D[column] += total;
}

}  // namespace muster::ops::cuda
