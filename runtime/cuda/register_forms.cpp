// The one symbol of libmuster_cuda.so that muster-rank looks up: every room adds its CUDA forms to the table.
#include "runtime/comm/cuda/forms.h"
#include "runtime/device/cuda/forms.h"
#include "runtime/device/forms.h"
#include "runtime/generate/cuda/forms.h"
#include "runtime/ops/cuda/forms.h"
#include "runtime/train/cuda/forms.h"

extern "C" __attribute__((visibility("default"))) void muster_register_forms(muster::device::Forms& forms) {
  muster::device::cuda::register_forms(forms);
  muster::comm::cuda::register_forms(forms);
  muster::generate::cuda::register_forms(forms);
  muster::ops::cuda::register_forms(forms);
  muster::train::cuda::register_forms(forms);
}
