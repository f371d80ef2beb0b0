// One product of rows with the matrix of the group that they belong to, all groups in one operation. Letters: R rows, D
// inputs, O outputs, X groups (experts).
#pragma once

#include "runtime/ops/forms.h"
#include "runtime/ops/param.h"

namespace muster::ops {

/// Where the rows of each group end; the last is R, and groups may be empty.
struct RowGroups {
  at::Tensor ends_X;       // int32, on the device of the rows
  at::Tensor host_ends_X;  // the same on the host; undefined where only products without a backward are made
};

/// x_RD times weight_XOD[x] transposed, for the rows of each group x -> [R, O]. The gradient of the weights is added
/// into weight_XOD.grad, by the ends on the host.
at::Tensor grouped_linear(const at::Tensor& x_RD, const Param& weight_XOD, const RowGroups& groups);

/// left_RI times right_XIJ[x] -> [R, J].
using GroupedProduct = at::Tensor(const at::Tensor& left_RI, const at::Tensor& right_XIJ, const at::Tensor& ends_X);
/// grad_XOD[x] += dy_RO^T x_RD over the rows of each group. The ends lie on the host.
using GroupedWeightGradient = void(const at::Tensor& dy_RO, const at::Tensor& x_RD, const at::Tensor& host_ends_X,
                                   at::Tensor& grad_XOD);
KernelTable<GroupedProduct>& grouped_product_kernels();
KernelTable<GroupedWeightGradient>& grouped_weight_gradient_kernels();

/// Ordinary products in a loop over the groups, on any device whose group ends can be read.
namespace plain {
GroupedProduct grouped_product;
GroupedWeightGradient grouped_weight_gradient;
}  // namespace plain

}  // namespace muster::ops
