// A rotation in ATen operations, on any device; its backward is the rotation the other way. Letters: T tokens, H heads,
// R width of what is turned.
#include "runtime/ops/turn_pairs.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "runtime/base/error.h"

namespace muster::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor turned(const at::Tensor& x_THR, const at::Tensor& cos_T1P, const at::Tensor& sin_T1P) {
  const at::Tensor pairs = x_THR.reshape({x_THR.size(0), x_THR.size(1), x_THR.size(2) / 2, 2}).to(at::kFloat);
  const at::Tensor even = pairs.select(3, 0), odd = pairs.select(3, 1);
  return at::stack({even * cos_T1P - odd * sin_T1P, odd * cos_T1P + even * sin_T1P}, 3)
      .view(x_THR.sizes())
      .to(x_THR.scalar_type());
}

struct TurnPairs : torch::autograd::Function<TurnPairs> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_THR, const at::Tensor& cos_T1P,
                            const at::Tensor& sin_T1P) {
    context->save_for_backward({cos_T1P, sin_T1P});
    return turned(x_THR, cos_T1P, sin_T1P);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    return {turned(gradients[0], saved[0], -saved[1]), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor turn_pairs(const at::Tensor& x_THR, const RopeTable& rope, const at::Tensor& positions_T) {
  INVARIANT(x_THR.dim() == 3 && rope.cos_PE2.size(1) * 2 == x_THR.size(2), "the table has an angle for each pair");
  INVARIANT(positions_T.dim() == 1 && positions_T.size(0) == x_THR.size(0), "each token has a position");
  const auto of_tokens = [&](const at::Tensor& table) { return table.index_select(0, positions_T).unsqueeze(1); };
  const at::Tensor cos_T1P = of_tokens(rope.cos_PE2), sin_T1P = of_tokens(rope.sin_PE2);
  if (!at::GradMode::is_enabled() || !x_THR.requires_grad()) return turned(x_THR, cos_T1P, sin_T1P);
  return TurnPairs::apply(x_THR, cos_T1P, sin_T1P);
}

}  // namespace muster::ops
