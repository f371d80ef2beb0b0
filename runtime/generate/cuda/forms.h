// The CUDA form of drawing tokens.
#pragma once

#include "runtime/device/forms.h"
#include "runtime/generate/draw_form.h"

namespace muster::generate::cuda {

DrawRows draw_rows;

/// Adds it.
void register_forms(device::Forms& forms);

}  // namespace muster::generate::cuda
