// The real table of CUDA calls, under the name "cuda_api".
#pragma once

#include "runtime/device/cuda_api.h"
#include "runtime/device/forms.h"

namespace muster::device::cuda {

const CudaApi& cuda_api();

/// Adds it.
void register_forms(Forms& forms);

}  // namespace muster::device::cuda
