// The CUDA forms of the optimizer, under the names of their tables.
#pragma once

#include "runtime/device/forms.h"
#include "runtime/train/adamw.h"

namespace muster::train::cuda {

AdamwPass adamw;
SquareSum square_sum;

/// Adds both.
void register_forms(device::Forms& forms);

}  // namespace muster::train::cuda
