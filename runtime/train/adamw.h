// AdamW over flat buffers in one pass: gradients scaled, moments and main weights updated, the weights that forward
// passes read written in their type. source: arXiv:1711.05101 (decoupled weight decay), with bias correction as in
// arXiv:1412.6980. Letters: N elements of one segment of the flat buffers.
#pragma once

#include <ATen/core/Tensor.h>

#include "runtime/ops/forms.h"
#include "runtime/train/adamw_element.h"

namespace muster::train {

/// The factors of update number `update` (1-based).
AdamwFactors adamw_factors(double lr, double beta1, double beta2, double eps, double weight_decay,
                           double gradient_scale, std::int64_t update);

/// main_N, first_N, second_N (moments), gradients_N: float32. weights_N: bfloat16 or float32; undefined when the main
/// weights are the weights themselves. All contiguous.
using AdamwPass = void(at::Tensor& main_N, at::Tensor& first_N, at::Tensor& second_N, const at::Tensor& gradients_N,
                       at::Tensor& weights_N, const AdamwFactors& factors);
/// The sum of squares of a float32 segment, a float64 scalar; on the CPU independent of the number of threads.
using SquareSum = at::Tensor(const at::Tensor& values_N);

ops::KernelTable<AdamwPass>& adamw_kernels();
ops::KernelTable<SquareSum>& square_sum_kernels();

/// For tensors without data, of rehearsals: nothing is computed. Once.
void add_meta_kernels();

namespace cpu {
AdamwPass adamw;
SquareSum square_sum;
}  // namespace cpu

/// The same in ATen operations, on any device.
namespace plain {
AdamwPass adamw;
SquareSum square_sum;
}  // namespace plain

}  // namespace muster::train
