// The launch of slots: pointers in, nothing waits. `stream` is a cudaStream_t; a cudaError_t comes back. T is float or
// ops::cuda::Bf16.
#pragma once

#include "runtime/generate/cuda/draw_bodies.h"

namespace muster::generate::cuda {

template <class T>
int launch_draws(const DrawLoop<T>& loop, std::int64_t num_draws, void* stream);

}  // namespace muster::generate::cuda
