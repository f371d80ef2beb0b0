#include <cuda_runtime.h>

#include "runtime/generate/cuda/draw_kernels.h"
#include "runtime/ops/cuda/device_block.cuh"

namespace muster::generate::cuda {
namespace {

constexpr int kThreads = 512;

// One block a draw.
template <class T>
__global__ void draw_kernel(DrawLoop<T> loop) {
  draw_of(ops::cuda::DeviceBlock{}, loop, blockIdx.x);
}

}  // namespace

template <class T>
int launch_draws(const DrawLoop<T>& loop, std::int64_t num_draws, void* stream) {
  draw_kernel<<<static_cast<unsigned>(num_draws), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(loop);
  return static_cast<int>(cudaGetLastError());
}

template int launch_draws(const DrawLoop<float>&, std::int64_t, void*);
template int launch_draws(const DrawLoop<ops::cuda::Bf16>&, std::int64_t, void*);

}  // namespace muster::generate::cuda
