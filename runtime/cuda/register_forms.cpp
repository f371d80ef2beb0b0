// The one symbol of libmuster_cuda.so that muster-rank looks up: every room adds its CUDA forms to the table.
#include "runtime/device/forms.h"
#include "runtime/ops/cuda/forms.h"
#include "runtime/train/cuda/forms.h"

extern "C" __attribute__((visibility("default"))) void muster_register_forms(muster::device::Forms& forms) {
  muster::ops::cuda::register_forms(forms);
  muster::train::cuda::register_forms(forms);
}
