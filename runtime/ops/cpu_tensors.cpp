// Sums over threads.
#include "runtime/ops/cpu_tensors.h"

#include <ATen/ATen.h>

namespace muster::ops::cpu {

at::Tensor as_float(const at::Tensor& x) { return x.to(at::kFloat).contiguous(); }
const float* data_of(const at::Tensor& x) { return x.defined() ? x.const_data_ptr<float>() : nullptr; }

ThreadSums::ThreadSums(int threads, const at::Tensor& grad) : wanted_(grad.defined()), threads_(threads) {
  if (!wanted_) return;
  width_ = static_cast<std::size_t>(grad.numel());
  sums_.assign(width_ * static_cast<std::size_t>(threads), 0.0f);
}

void ThreadSums::add_into(at::Tensor& grad) const {
  if (!wanted_) return;
  std::vector<float> total(sums_.begin(), sums_.begin() + static_cast<std::ptrdiff_t>(width_));
  for (int thread = 1; thread < threads_; ++thread)
    for (std::size_t i = 0; i < width_; ++i) total[i] += sums_[static_cast<std::size_t>(thread) * width_ + i];
  grad.add_(at::from_blob(total.data(), {static_cast<std::int64_t>(width_)}, at::kFloat).view(grad.sizes()));
}

}  // namespace muster::ops::cpu
