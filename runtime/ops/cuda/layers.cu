// Kernels of norms, SwiGLU, heads and scores around their bodies, and their launches.
#include <cuda_runtime.h>

#include "runtime/ops/cuda/device_block.cuh"
#include "runtime/ops/cuda/launch.h"

namespace muster::ops::cuda {
namespace {

constexpr int kRowThreads = 256, kScoreThreads = 1024, kWarp = 32;

/// Elements of the widest load that the row length allows: 16 bytes, or one element.
template <class T>
constexpr int kWide = 16 / static_cast<int>(sizeof(T));
template <class T>
bool is_wide(std::int64_t length) {
  return length % kWide<T> == 0;
}

cudaStream_t stream_of(void* stream) { return static_cast<cudaStream_t>(stream); }
unsigned blocks_for(std::int64_t count, int threads) { return static_cast<unsigned>((count + threads - 1) / threads); }
int launched() { return static_cast<int>(cudaGetLastError()); }

// One block a row.
template <int W, class T>
__global__ void rms_norm_kernel(NormLoop<T> loop) {
  rms_norm_row<W>(DeviceBlock{}, loop, blockIdx.x);
}

// One block a row.
template <int W, class T>
__global__ void rms_norm_backward_kernel(NormBackwardLoop<T> loop) {
  rms_norm_backward_row<W>(DeviceBlock{}, loop, blockIdx.x);
}

// One thread a column of one chunk of rows (blockIdx.y).
template <class T>
__global__ void rms_norm_weight_kernel(NormBackwardLoop<T> loop, std::int64_t rows_of_chunk, float* partials_CD) {
  const std::int64_t column = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x,
                     first = blockIdx.y * rows_of_chunk;
  if (column >= loop.D) return;
  const std::int64_t last = first + rows_of_chunk < loop.N ? first + rows_of_chunk : loop.N;
  rms_norm_weight_column(loop, column, first, last, partials_CD + blockIdx.y * loop.D + column);
}

// One thread a column.
__global__ void add_partials_kernel(const float* partials_CD, std::int64_t chunks, std::int64_t D, float* grad_D) {
  const std::int64_t column = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (column < D) add_partials(partials_CD, chunks, D, column, grad_D);
}

// One thread a pack of outputs; blockIdx.y strides over rows.
template <int W, class T>
__global__ void swiglu_kernel(const T* gate_up_T2F, T* y_TF, std::int64_t rows, std::int64_t F) {
  const std::int64_t pack = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (pack >= F / W) return;
  for (std::int64_t row = blockIdx.y; row < rows; row += gridDim.y) swiglu_pack<W>(gate_up_T2F, y_TF, F, row, pack);
}

template <int W, class T>
__global__ void swiglu_backward_kernel(const T* dy_TF, const T* gate_up_T2F, T* dgate_up_T2F, std::int64_t rows,
                                       std::int64_t F) {
  const std::int64_t pack = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (pack >= F / W) return;
  for (std::int64_t row = blockIdx.y; row < rows; row += gridDim.y)
    swiglu_backward_pack<W>(dy_TF, gate_up_T2F, dgate_up_T2F, F, row, pack);
}

// One warp a head of one token.
template <class T>
__global__ void split_heads_kernel(HeadsLoop<T> loop) {
  split_head(DeviceBlock{}, loop, blockIdx.x, blockIdx.y);
}

// One warp a head of one chunk of tokens.
template <class T>
__global__ void split_heads_backward_kernel(HeadsLoop<T> loop, std::int64_t tokens_of_chunk, float* partials_CHE) {
  const std::int64_t first = blockIdx.x * tokens_of_chunk, head = blockIdx.y;
  const std::int64_t last = first + tokens_of_chunk < loop.tokens ? first + tokens_of_chunk : loop.tokens;
  float* const partial_E =
      partials_CHE != nullptr
          ? partials_CHE + (blockIdx.x * static_cast<std::int64_t>(gridDim.y) + head) * loop.head_dim
          : nullptr;
  split_head_backward(DeviceBlock{}, loop, head, first, last, partial_E);
}

// One block a row.
template <class T>
__global__ void score_rows_kernel(ScoreLoop<T> loop) {
  score_row(DeviceBlock{}, loop, blockIdx.x);
}

// One block a row.
template <class T>
__global__ void score_rows_backward_kernel(ScoreBackwardLoop<T> loop) {
  score_backward_row(DeviceBlock{}, loop, blockIdx.x);
}

constexpr std::int64_t kMaxChunks = 128;
std::int64_t chunk_length(std::int64_t count) { return count > kMaxChunks ? (count + kMaxChunks - 1) / kMaxChunks : 1; }
std::int64_t chunks_of(std::int64_t count) { return (count + chunk_length(count) - 1) / chunk_length(count); }

dim3 swiglu_grid(std::int64_t rows, std::int64_t packs) {
  return dim3(blocks_for(packs, kRowThreads), static_cast<unsigned>(rows < 65535 ? rows : 65535));
}

}  // namespace

template <class T>
int launch_rms_norm(const NormLoop<T>& loop, std::int64_t rows, void* stream) {
  if (is_wide<T>(loop.D)) {
    rms_norm_kernel<kWide<T>><<<static_cast<unsigned>(rows), kRowThreads, 0, stream_of(stream)>>>(loop);
  } else {
    rms_norm_kernel<1><<<static_cast<unsigned>(rows), kRowThreads, 0, stream_of(stream)>>>(loop);
  }
  return launched();
}

template <class T>
int launch_rms_norm_backward(const NormBackwardLoop<T>& loop, void* stream) {
  if (is_wide<T>(loop.D)) {
    rms_norm_backward_kernel<kWide<T>><<<static_cast<unsigned>(loop.N), kRowThreads, 0, stream_of(stream)>>>(loop);
  } else {
    rms_norm_backward_kernel<1><<<static_cast<unsigned>(loop.N), kRowThreads, 0, stream_of(stream)>>>(loop);
  }
  return launched();
}

std::int64_t norm_weight_chunks(std::int64_t rows) { return chunks_of(rows); }

template <class T>
int launch_rms_norm_weight(const NormBackwardLoop<T>& loop, float* partials_CD, float* grad_D, void* stream) {
  const std::int64_t chunks = chunks_of(loop.N);
  const dim3 grid(blocks_for(loop.D, kRowThreads), static_cast<unsigned>(chunks));
  rms_norm_weight_kernel<<<grid, kRowThreads, 0, stream_of(stream)>>>(loop, chunk_length(loop.N), partials_CD);
  add_partials_kernel<<<blocks_for(loop.D, kRowThreads), kRowThreads, 0, stream_of(stream)>>>(partials_CD, chunks,
                                                                                              loop.D, grad_D);
  return launched();
}

template <class T>
int launch_swiglu(const T* gate_up_T2F, T* y_TF, std::int64_t rows, std::int64_t F, void* stream) {
  if (is_wide<T>(F)) {
    swiglu_kernel<kWide<T>>
        <<<swiglu_grid(rows, F / kWide<T>), kRowThreads, 0, stream_of(stream)>>>(gate_up_T2F, y_TF, rows, F);
  } else {
    swiglu_kernel<1><<<swiglu_grid(rows, F), kRowThreads, 0, stream_of(stream)>>>(gate_up_T2F, y_TF, rows, F);
  }
  return launched();
}

template <class T>
int launch_swiglu_backward(const T* dy_TF, const T* gate_up_T2F, T* dgate_up_T2F, std::int64_t rows, std::int64_t F,
                           void* stream) {
  if (is_wide<T>(F)) {
    swiglu_backward_kernel<kWide<T>><<<swiglu_grid(rows, F / kWide<T>), kRowThreads, 0, stream_of(stream)>>>(
        dy_TF, gate_up_T2F, dgate_up_T2F, rows, F);
  } else {
    swiglu_backward_kernel<1>
        <<<swiglu_grid(rows, F), kRowThreads, 0, stream_of(stream)>>>(dy_TF, gate_up_T2F, dgate_up_T2F, rows, F);
  }
  return launched();
}

template <class T>
int launch_split_heads(const HeadsLoop<T>& loop, void* stream) {
  const dim3 grid(static_cast<unsigned>(loop.tokens), static_cast<unsigned>(loop.num_heads + 2 * loop.num_kv_heads));
  split_heads_kernel<<<grid, kWarp, 0, stream_of(stream)>>>(loop);
  return launched();
}

std::int64_t head_chunks(std::int64_t tokens) { return chunks_of(tokens); }

template <class T>
int launch_split_heads_backward(const HeadsLoop<T>& loop, float* partials_CHE, void* stream) {
  const dim3 grid(static_cast<unsigned>(chunks_of(loop.tokens)),
                  static_cast<unsigned>(loop.num_heads + 2 * loop.num_kv_heads));
  split_heads_backward_kernel<<<grid, kWarp, 0, stream_of(stream)>>>(loop, chunk_length(loop.tokens), partials_CHE);
  return launched();
}

template <class T>
int launch_score_rows(const ScoreLoop<T>& loop, std::int64_t rows, void* stream) {
  score_rows_kernel<<<static_cast<unsigned>(rows), kScoreThreads, 0, stream_of(stream)>>>(loop);
  return launched();
}

template <class T>
int launch_score_rows_backward(const ScoreBackwardLoop<T>& loop, std::int64_t rows, void* stream) {
  score_rows_backward_kernel<<<static_cast<unsigned>(rows), kScoreThreads, 0, stream_of(stream)>>>(loop);
  return launched();
}

#define MUSTER_INSTANTIATE(T)                                                                     \
  template int launch_rms_norm(const NormLoop<T>&, std::int64_t, void*);                          \
  template int launch_rms_norm_backward(const NormBackwardLoop<T>&, void*);                       \
  template int launch_rms_norm_weight(const NormBackwardLoop<T>&, float*, float*, void*);         \
  template int launch_swiglu(const T*, T*, std::int64_t, std::int64_t, void*);                    \
  template int launch_swiglu_backward(const T*, const T*, T*, std::int64_t, std::int64_t, void*); \
  template int launch_split_heads(const HeadsLoop<T>&, void*);                                    \
  template int launch_split_heads_backward(const HeadsLoop<T>&, float*, void*);                   \
  template int launch_score_rows(const ScoreLoop<T>&, std::int64_t, void*);                       \
  template int launch_score_rows_backward(const ScoreBackwardLoop<T>&, std::int64_t, void*);
MUSTER_INSTANTIATE(float)
MUSTER_INSTANTIATE(Bf16)

}  // namespace muster::ops::cuda
