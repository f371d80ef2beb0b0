// A block of CUDA threads as kernel bodies see it. Calls of sum and reduce are made by all threads of the block.
#pragma once

namespace muster::ops::cuda {

struct DeviceBlock {
  __device__ int size() const { return static_cast<int>(blockDim.x); }

  template <class Work>
  __device__ void each(const Work& work) const {
    work(static_cast<int>(threadIdx.x));
  }

  /// The block is whole warps, 1024 threads at most.
  template <class Work>
  __device__ float sum(const Work& work) const {
    __shared__ float parts[32];
    float total = work(static_cast<int>(threadIdx.x));
    for (int distance = 16; distance > 0; distance /= 2) total += __shfl_xor_sync(0xffffffffu, total, distance);
    if (blockDim.x == 32) return total;
    __syncthreads();  // the parts of an earlier sum have been read
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = total;
    __syncthreads();
    float all = 0;
    for (int warp = 0; warp < static_cast<int>(blockDim.x / 32); ++warp) all += parts[warp];
    return all;
  }

  /// A tree over shared memory; the number of threads is a power of two, 1024 at most.
  template <class Work, class Combine>
  __device__ auto reduce(const Work& work, const Combine& combine) const {
    using Value = decltype(work(0));
    __shared__ Value parts[1024];
    __syncthreads();
    parts[threadIdx.x] = work(static_cast<int>(threadIdx.x));
    for (unsigned distance = blockDim.x / 2; distance > 0; distance /= 2) {
      __syncthreads();
      if (threadIdx.x < distance) parts[threadIdx.x] = combine(parts[threadIdx.x], parts[threadIdx.x + distance]);
    }
    __syncthreads();
    return parts[0];
  }
};

}  // namespace muster::ops::cuda
