#include "runtime/train/cuda/adamw_kernels.h"

#include <cuda_bf16.h>
#include <cuda_runtime.h>

namespace muster::train::cuda {
namespace {

constexpr int kThreads = 256;

// One thread an element, a grid apart.
__global__ void adamw_kernel(float* main, float* first, float* second, const float* gradients, __nv_bfloat16* weights,
                             std::int64_t count, AdamwFactors factors) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count; i += stride) {
    float first_moment = first[i], second_moment = second[i];
    const float updated = adamw_element(main[i], first_moment, second_moment, gradients[i], factors);
    main[i] = updated;
    first[i] = first_moment;
    second[i] = second_moment;
    if (weights != nullptr) weights[i] = __float2bfloat16_rn(updated);
  }
}

// One block a part: its threads walk elements a grid apart, then a tree adds them.
__global__ void square_sum_kernel(const float* values, std::int64_t count, double* parts) {
  __shared__ double sums[kThreads];
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  double sum = 0;
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count; i += stride) {
    sum += static_cast<double>(values[i]) * values[i];
  }
  sums[threadIdx.x] = sum;
  for (int distance = kThreads / 2; distance > 0; distance /= 2) {
    __syncthreads();
    if (static_cast<int>(threadIdx.x) < distance) sums[threadIdx.x] += sums[threadIdx.x + distance];
  }
  if (threadIdx.x == 0) parts[blockIdx.x] = sums[0];
}

}  // namespace

int launch_adamw(float* main, float* first, float* second, const float* gradients, std::uint16_t* weights_bf16,
                 std::int64_t count, const AdamwFactors& factors, void* stream) {
  if (count == 0) return 0;
  const std::int64_t blocks = (count + kThreads - 1) / kThreads;
  adamw_kernel<<<static_cast<unsigned>(blocks < 65536 ? blocks : 65536), kThreads, 0,
                 static_cast<cudaStream_t>(stream)>>>(main, first, second, gradients,
                                                      reinterpret_cast<__nv_bfloat16*>(weights_bf16), count, factors);
  return static_cast<int>(cudaGetLastError());
}

int launch_square_sum(const float* values, std::int64_t count, double* parts, void* stream) {
  square_sum_kernel<<<static_cast<unsigned>(kSquareSumParts), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      values, count, parts);
  return static_cast<int>(cudaGetLastError());
}

}  // namespace muster::train::cuda
