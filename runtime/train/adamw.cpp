// Letters: N elements of one segment of the flat buffers.
#include "runtime/train/adamw.h"

#include <ATen/ATen.h>

#include <cmath>

#include "runtime/base/error.h"
#include "runtime/ops/threads.h"
#include "runtime/train/adamw_loops.h"

namespace muster::train {
namespace {

constexpr std::int64_t kBlock = 1 << 15;  // elements that one task of the thread pool takes

/// body(begin, end) over blocks of the same bounds whatever the number of threads.
template <class Body>
void for_blocks(std::int64_t count, const Body& body) {
  const std::int64_t blocks = (count + kBlock - 1) / kBlock;
  ops::parallel_rows(blocks, 1, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t block = first; block < last; ++block)
      body(block, block * kBlock, std::min(count, (block + 1) * kBlock));
  });
}

}  // namespace

AdamwFactors adamw_factors(double lr, double beta1, double beta2, double eps, double weight_decay,
                           double gradient_scale, std::int64_t update) {
  INVARIANT(update >= 1, "updates are counted from 1");
  const auto exponent = static_cast<double>(update);
  return {.gradient_scale = static_cast<float>(gradient_scale),
          .keep = static_cast<float>(1 - lr * weight_decay),
          .beta1 = static_cast<float>(beta1),
          .beta2 = static_cast<float>(beta2),
          .step_size = static_cast<float>(lr / (1 - std::pow(beta1, exponent))),
          .second_scale = static_cast<float>(1 / std::sqrt(1 - std::pow(beta2, exponent))),
          .eps = static_cast<float>(eps)};
}

ops::KernelTable<AdamwPass>& adamw_kernels() {
  static ops::KernelTable<AdamwPass> forms("adamw", cpu::adamw, plain::adamw);
  return forms;
}

ops::KernelTable<SquareSum>& square_sum_kernels() {
  static ops::KernelTable<SquareSum> forms("square_sum", cpu::square_sum, plain::square_sum);
  return forms;
}

void add_meta_kernels() {
  adamw_kernels().add(at::DeviceType::Meta, [](at::Tensor&, at::Tensor&, at::Tensor&, const at::Tensor&, at::Tensor&,
                                               const AdamwFactors&) {});
  square_sum_kernels().add(at::DeviceType::Meta, [](const at::Tensor& values_N) {
    return at::empty({}, values_N.options().dtype(at::kDouble));
  });
}

namespace cpu {

void adamw(at::Tensor& main_N, at::Tensor& first_N, at::Tensor& second_N, const at::Tensor& gradients_N,
           at::Tensor& weights_N, const AdamwFactors& factors) {
  float* main = main_N.mutable_data_ptr<float>();
  float* first = first_N.mutable_data_ptr<float>();
  float* second = second_N.mutable_data_ptr<float>();
  const float* gradients = gradients_N.const_data_ptr<float>();
  const bool rounds = weights_N.defined() && weights_N.scalar_type() == at::kBFloat16;
  auto* rounded = rounds ? reinterpret_cast<std::uint16_t*>(weights_N.mutable_data_ptr<at::BFloat16>()) : nullptr;
  for_blocks(main_N.numel(), [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    if (rounds) {
      adamw_loops().update_bf16(main + begin, first + begin, second + begin, gradients + begin, rounded + begin,
                                end - begin, factors);
    } else {
      adamw_loops().update(main + begin, first + begin, second + begin, gradients + begin, end - begin, factors);
    }
  });
  if (weights_N.defined() && !rounds) weights_N.copy_(main_N);
}

at::Tensor square_sum(const at::Tensor& values_N) {
  const float* values = values_N.const_data_ptr<float>();
  std::vector<double> sums(static_cast<std::size_t>((values_N.numel() + kBlock - 1) / kBlock), 0.0);
  for_blocks(values_N.numel(), [&](std::int64_t block, std::int64_t begin, std::int64_t end) {
    sums[block] = adamw_loops().square_sum(values + begin, end - begin);
  });
  return at::scalar_tensor(std::accumulate(sums.begin(), sums.end(), 0.0), at::kDouble);
}

}  // namespace cpu

namespace plain {

void adamw(at::Tensor& main_N, at::Tensor& first_N, at::Tensor& second_N, const at::Tensor& gradients_N,
           at::Tensor& weights_N, const AdamwFactors& factors) {
  const at::Tensor scaled = gradients_N * factors.gradient_scale;
  first_N.mul_(factors.beta1).add_(scaled, 1 - factors.beta1);
  second_N.mul_(factors.beta2).addcmul_(scaled, scaled, 1 - factors.beta2);
  main_N.mul_(factors.keep)
      .addcdiv_(first_N, second_N.sqrt().mul_(factors.second_scale).add_(factors.eps), -factors.step_size);
  if (weights_N.defined()) weights_N.copy_(main_N);
}

at::Tensor square_sum(const at::Tensor& values_N) { return values_N.to(at::kDouble).square().sum(); }

}  // namespace plain

}  // namespace muster::train
