// 24 digits as 8 + 8 + 8: each part is the rest, rounded to bf16, and each rest is exact.
#include "runtime/weights/float_parts.h"

#include <ATen/ATen.h>

namespace muster::weights {

at::Tensor parts_of_floats(const at::Tensor& values_X) {
  std::vector<at::Tensor> parts;
  at::Tensor rest_X = values_X.to(at::kFloat);
  for (int part = 0; part < 3; ++part) {
    parts.push_back(rest_X.to(at::kBFloat16).to(at::kFloat));
    rest_X = rest_X - parts.back();
  }
  return at::stack(parts);
}

at::Tensor floats_of_parts(const at::Tensor& parts_3X) {
  const at::Tensor parts = parts_3X.to(at::kFloat);
  return parts[0] + parts[1] + parts[2];
}

}  // namespace muster::weights
