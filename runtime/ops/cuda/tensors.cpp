#include "runtime/ops/cuda/tensors.h"

#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::ops::cuda {

void* stream_of(const at::Tensor& tensor) { return c10::cuda::getCurrentCUDAStream(tensor.device().index()).stream(); }

void check_launch(int code, const char* op) {
  if (code == 0) return;
  throw Error::cluster(
      {.what = base::text("the CUDA form of '", op,
                          "' was not launched: ", cudaGetErrorString(static_cast<cudaError_t>(code))),
       .where = "runtime/ops/cuda",
       .fix = "look at the GPU with nvidia-smi; this build is for one GPU architecture (MUSTER_CUDA_ARCH)"});
}

void refuse_type(const char* op, at::ScalarType type) {
  throw Error::cluster({.what = base::text("the CUDA form of '", op, "' has no kernel for ", at::toString(type)),
                        .where = "runtime/ops/cuda",
                        .fix = "use model.dtype = \"bf16\" or \"fp32\""});
}

}  // namespace muster::ops::cuda
