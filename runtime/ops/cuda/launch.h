// The launches of our own kernels: pointers in, nothing waits. `stream` is a cudaStream_t. T is float or Bf16. Every
// function returns a cudaError_t of the launch (0: success). Letters as in the bodies' headers.
#pragma once

#include <cstdint>

#include "runtime/ops/cuda/heads_bodies.h"
#include "runtime/ops/cuda/norm_bodies.h"
#include "runtime/ops/cuda/score_bodies.h"
#include "runtime/ops/cuda/swiglu_bodies.h"

namespace muster::ops::cuda {

template <class T>
int launch_rms_norm(const NormLoop<T>& loop, std::int64_t rows, void* stream);
template <class T>
int launch_rms_norm_backward(const NormBackwardLoop<T>& loop, void* stream);
/// Chunks of rows that the gradient of a norm's weight is summed in; partials_CD: that many rows of D floats of
/// scratch.
std::int64_t norm_weight_chunks(std::int64_t rows);
template <class T>
int launch_rms_norm_weight(const NormBackwardLoop<T>& loop, float* partials_CD, float* grad_D, void* stream);

template <class T>
int launch_swiglu(const T* gate_up_T2F, T* y_TF, std::int64_t rows, std::int64_t F, void* stream);
template <class T>
int launch_swiglu_backward(const T* dy_TF, const T* gate_up_T2F, T* dgate_up_T2F, std::int64_t rows, std::int64_t F,
                           void* stream);

template <class T>
int launch_split_heads(const HeadsLoop<T>& loop, void* stream);
/// Chunks of tokens of the backward; with norms partials_CHE holds zeros, [chunks, H + 2K, E], and afterwards their
/// parts.
std::int64_t head_chunks(std::int64_t tokens);
template <class T>
int launch_split_heads_backward(const HeadsLoop<T>& loop, float* partials_CHE, void* stream);

template <class T>
int launch_score_rows(const ScoreLoop<T>& loop, std::int64_t rows, void* stream);
template <class T>
int launch_score_rows_backward(const ScoreBackwardLoop<T>& loop, std::int64_t rows, void* stream);

}  // namespace muster::ops::cuda
