// The real table of NCCL's calls, under the name "nccl_api".
#pragma once

#include "runtime/comm/nccl_api.h"
#include "runtime/device/forms.h"

namespace muster::comm::cuda {

const NcclApi& nccl_api();

/// Adds it.
void register_forms(device::Forms& forms);

}  // namespace muster::comm::cuda
