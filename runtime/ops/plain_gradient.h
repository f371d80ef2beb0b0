// Backwards of plain forms: autograd over the plain forward.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace muster::ops::plain {

/// float64 stays, everything else becomes float32; undefined stays undefined.
at::Tensor wide(const at::Tensor& x);
/// Gradients of `inputs` (undefined inputs give undefined ones) when the outputs of `forward` receive `upstream`.
std::vector<at::Tensor> plain_gradient(
    const std::vector<at::Tensor>& inputs, const std::vector<at::Tensor>& upstream,
    const std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)>& forward);

}  // namespace muster::ops::plain
