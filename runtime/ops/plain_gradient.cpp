// Autograd inside a backward: the graph is built, used and dropped here.
#include "runtime/ops/plain_gradient.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

namespace muster::ops::plain {

at::Tensor wide(const at::Tensor& x) { return !x.defined() || x.scalar_type() == at::kDouble ? x : x.to(at::kFloat); }

std::vector<at::Tensor> plain_gradient(
    const std::vector<at::Tensor>& inputs, const std::vector<at::Tensor>& upstream,
    const std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)>& forward) {
  const at::AutoGradMode with_gradient(true);
  std::vector<at::Tensor> leaves, wanted;
  for (const at::Tensor& input : inputs) {
    leaves.push_back(input.defined() ? input.detach().requires_grad_(true) : input);
    if (input.defined()) wanted.push_back(leaves.back());
  }
  const std::vector<at::Tensor> found = torch::autograd::grad(forward(leaves), wanted, upstream);
  std::vector<at::Tensor> gradients;
  std::size_t next = 0;
  for (const at::Tensor& leaf : leaves) gradients.push_back(leaf.defined() ? found[next++] : at::Tensor());
  return gradients;
}

}  // namespace muster::ops::plain
