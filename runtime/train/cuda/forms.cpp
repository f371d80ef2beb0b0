// Letters: N elements of one stretch of the flat buffers.
#include "runtime/train/cuda/forms.h"

#include <ATen/ATen.h>

#include "runtime/ops/cuda/tensors.h"
#include "runtime/train/cuda/adamw_kernels.h"

namespace muster::train::cuda {

void adamw(at::Tensor& main_N, at::Tensor& first_N, at::Tensor& second_N, const at::Tensor& gradients_N,
           at::Tensor& weights_N, const AdamwFactors& factors) {
  const bool rounds = weights_N.defined() && weights_N.scalar_type() == at::kBFloat16;
  auto* rounded = rounds ? static_cast<std::uint16_t*>(weights_N.mutable_data_ptr()) : nullptr;
  ops::cuda::check_launch(launch_adamw(main_N.mutable_data_ptr<float>(), first_N.mutable_data_ptr<float>(),
                                       second_N.mutable_data_ptr<float>(), gradients_N.const_data_ptr<float>(), rounded,
                                       main_N.numel(), factors, ops::cuda::stream_of(main_N)),
                          "adamw");
  if (weights_N.defined() && !rounds) weights_N.copy_(main_N);
}

at::Tensor square_sum(const at::Tensor& values_N) {
  const at::Tensor parts = at::empty({kSquareSumParts}, values_N.options().dtype(at::kDouble));
  ops::cuda::check_launch(launch_square_sum(values_N.const_data_ptr<float>(), values_N.numel(),
                                            parts.mutable_data_ptr<double>(), ops::cuda::stream_of(values_N)),
                          "square_sum");
  return parts.sum();
}

void register_forms(device::Forms& forms) {
  forms.add<AdamwPass>("adamw", adamw);
  forms.add<SquareSum>("square_sum", square_sum);
}

}  // namespace muster::train::cuda
