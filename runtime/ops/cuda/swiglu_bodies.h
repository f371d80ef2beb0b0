// silu(gate) * up and its backward: one thread owns one pack of W outputs of one row.
// Letters: F feed-forward width. gate_up rows hold F gates, then F ups.
#pragma once

#include "runtime/ops/cuda/scalars.h"

namespace muster::ops::cuda {

template <int W, class T>
MUSTER_BODY void swiglu_pack(const T* gate_up_T2F, T* y_TF, std::int64_t F, std::int64_t row, std::int64_t pack_index) {
  const Pack<T, W> gate = load<W>(gate_up_T2F + row * 2 * F, pack_index),
                   up = load<W>(gate_up_T2F + row * 2 * F + F, pack_index);
  Pack<T, W> y;
  for (int i = 0; i < W; ++i) {
    const float g = to_float(gate.value[i]);
    store(y.value[i], g / (1.0f + expf(-g)) * to_float(up.value[i]));
  }
  save<W>(y_TF + row * F, pack_index, y);
}

template <int W, class T>
MUSTER_BODY void swiglu_backward_pack(const T* dy_TF, const T* gate_up_T2F, T* dgate_up_T2F, std::int64_t F,
                                      std::int64_t row, std::int64_t pack_index) {
  const Pack<T, W> dy = load<W>(dy_TF + row * F, pack_index);
  const Pack<T, W> gate = load<W>(gate_up_T2F + row * 2 * F, pack_index),
                   up = load<W>(gate_up_T2F + row * 2 * F + F, pack_index);
  Pack<T, W> dgate, dup;
  for (int i = 0; i < W; ++i) {
    const float g = to_float(gate.value[i]), sigmoid = 1.0f / (1.0f + expf(-g)), silu = g * sigmoid,
                upstream = to_float(dy.value[i]);
    store(dup.value[i], upstream * silu);
    store(dgate.value[i], upstream * to_float(up.value[i]) * (sigmoid + silu * (1.0f - sigmoid)));
  }
  save<W>(dgate_up_T2F + row * 2 * F, pack_index, dgate);
  save<W>(dgate_up_T2F + row * 2 * F + F, pack_index, dup);
}

}  // namespace muster::ops::cuda
