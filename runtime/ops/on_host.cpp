#include "runtime/ops/on_host.h"

#include <ATen/ATen.h>

namespace muster::ops {
namespace {
std::int64_t num_waits = 0;
}

at::Tensor on_host(const at::Tensor& tensor) {
  if (tensor.is_cpu()) return tensor;
  ++num_waits;
  return tensor.is_meta() ? at::zeros(tensor.sizes(), tensor.options().device(at::kCPU)) : tensor.cpu();
}

std::int64_t num_host_waits() { return num_waits; }

}  // namespace muster::ops
