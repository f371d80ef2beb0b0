// Grouped products: a loop of ordinary ones on the CPU; on a GPU at::_grouped_mm, which reads the groups' ends on the
// device and waits for nothing. Its form for gradients of weights is not used: it hung on empty groups. Letters: R
// rows, D inputs, O outputs, X groups.
#include "runtime/ops/grouped_linear.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "runtime/base/error.h"
#include "runtime/ops/flops.h"
#include "runtime/ops/layers.h"
#include "runtime/ops/on_host.h"

namespace muster::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kGroupedMultiple = 8;  // strides of at::_grouped_mm are multiples of 16 bytes
constexpr std::int64_t kMostGroups = 1023;    // of at::_grouped_mm

/// body(group, first row, number of rows) for each group that has rows.
template <class Body>
void for_groups(const at::Tensor& ends_X, const Body& body) {
  const at::Tensor ends = on_host(ends_X);
  const auto* const end = ends.const_data_ptr<std::int32_t>();
  std::int64_t begin = 0;
  for (std::int64_t x = 0; x < ends.numel(); ++x) {
    if (end[x] > begin) body(x, begin, end[x] - begin);
    begin = end[x];
  }
}

at::Tensor product(const at::Tensor& left_RI, const at::Tensor& right_XIJ, const at::Tensor& ends_X) {
  count_product(left_RI.size(0), left_RI.size(1), right_XIJ.size(2));
  return grouped_product_kernels().for_device_of(left_RI)(left_RI, right_XIJ, ends_X);
}

struct GroupedLinear : torch::autograd::Function<GroupedLinear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_RD, const Param& weight_XOD,
                            const RowGroups& groups) {
    context->save_for_backward({x_RD, weight_XOD.value, groups.ends_X, groups.host_ends_X});
    context->saved_data["grad"] = weight_XOD.grad;
    return product(x_RD, weight_XOD.value.transpose(1, 2), groups.ends_X);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x_RD = saved[0], &weight_XOD = saved[1], &ends_X = saved[2], &host_ends_X = saved[3],
                     dy_RO = gradients[0].contiguous();
    at::Tensor grad_XOD = context->saved_data["grad"].toTensor();
    if (grad_XOD.defined()) {
      count_product(dy_RO.size(1), dy_RO.size(0), x_RD.size(1));
      grouped_weight_gradient_kernels().for_device_of(dy_RO)(dy_RO, x_RD, host_ends_X, grad_XOD);
    }
    return {product(dy_RO, weight_XOD, ends_X), at::Tensor(), at::Tensor()};
  }
};

at::Tensor grouped_product_cuda(const at::Tensor& left_RI, const at::Tensor& right_XIJ, const at::Tensor& ends_X) {
  const bool fits = left_RI.scalar_type() == at::kBFloat16 && left_RI.size(0) > 0 &&
                    left_RI.size(1) % kGroupedMultiple == 0 && right_XIJ.size(2) % kGroupedMultiple == 0 &&
                    right_XIJ.size(0) <= kMostGroups;
  return fits ? at::_grouped_mm(left_RI.contiguous(), right_XIJ, ends_X)
              : plain::grouped_product(left_RI, right_XIJ, ends_X);
}

at::Tensor grouped_product_meta(const at::Tensor& left_RI, const at::Tensor& right_XIJ, const at::Tensor&) {
  return at::empty({left_RI.size(0), right_XIJ.size(2)}, left_RI.options());
}
void grouped_weight_gradient_meta(const at::Tensor&, const at::Tensor&, const at::Tensor&, at::Tensor&) {}

}  // namespace

namespace plain {

at::Tensor grouped_product(const at::Tensor& left_RI, const at::Tensor& right_XIJ, const at::Tensor& ends_X) {
  at::Tensor result_RJ = at::empty({left_RI.size(0), right_XIJ.size(2)}, left_RI.options());
  for_groups(ends_X, [&](std::int64_t group, std::int64_t begin, std::int64_t count) {
    at::Tensor part = result_RJ.narrow(0, begin, count);
    at::mm_out(part, left_RI.narrow(0, begin, count), right_XIJ[group]);
  });
  return result_RJ;
}

void grouped_weight_gradient(const at::Tensor& dy_RO, const at::Tensor& x_RD, const at::Tensor& host_ends_X,
                             at::Tensor& grad_XOD) {
  for_groups(host_ends_X, [&](std::int64_t group, std::int64_t begin, std::int64_t count) {
    at::Tensor grad_OD = grad_XOD[group];
    const at::Tensor dy_t = dy_RO.narrow(0, begin, count).t(), x = x_RD.narrow(0, begin, count);
    if (grad_OD.scalar_type() == dy_t.scalar_type())
      grad_OD.addmm_(dy_t, x);
    else
      grad_OD.add_(at::mm(dy_t, x));
  });
}

}  // namespace plain

KernelTable<GroupedProduct>& grouped_product_kernels() {
  static KernelTable<GroupedProduct> forms = [] {
    KernelTable<GroupedProduct> table{"grouped_product", plain::grouped_product, plain::grouped_product};
    table.add(at::DeviceType::CUDA, grouped_product_cuda);
    table.add(at::DeviceType::Meta, grouped_product_meta);
    return table;
  }();
  return forms;
}

KernelTable<GroupedWeightGradient>& grouped_weight_gradient_kernels() {
  static KernelTable<GroupedWeightGradient> forms = [] {
    KernelTable<GroupedWeightGradient> table{"grouped_weight_gradient", plain::grouped_weight_gradient,
                                             plain::grouped_weight_gradient};
    table.add(at::DeviceType::CUDA, plain::grouped_weight_gradient);
    table.add(at::DeviceType::Meta, grouped_weight_gradient_meta);
    return table;
  }();
  return forms;
}

at::Tensor grouped_linear(const at::Tensor& x_RD, const Param& weight_XOD, const RowGroups& groups) {
  INVARIANT(x_RD.dim() == 2 && weight_XOD.value.dim() == 3 && x_RD.size(1) == weight_XOD.value.size(2) &&
                groups.ends_X.numel() == weight_XOD.value.size(0),
            "each group has a matrix with a column for each input");
  if (!x_RD.requires_grad() || !at::GradMode::is_enabled())
    return product(x_RD, weight_XOD.value.transpose(1, 2), groups.ends_X);
  INVARIANT(groups.host_ends_X.defined() && groups.host_ends_X.is_cpu(), "a backward reads the ends on the host");
  return GroupedLinear::apply(x_RD, weight_XOD, groups);
}

}  // namespace muster::ops
