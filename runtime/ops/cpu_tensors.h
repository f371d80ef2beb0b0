// What the CPU forms share: inputs as contiguous float32, weights' gradients summed over threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace muster::ops::cpu {

/// The tensor itself where it is contiguous float32 already.
at::Tensor as_float(const at::Tensor& x);
/// Null for an undefined tensor.
const float* data_of(const at::Tensor& x);

/// A gradient of `width` float32 for each thread; added into `grad` in the order of the threads.
class ThreadSums {
 public:
  ThreadSums(int threads, const at::Tensor& grad);
  /// Null where no gradient is wanted.
  float* of(int thread) { return wanted_ ? sums_.data() + static_cast<std::size_t>(thread) * width_ : nullptr; }
  void add_into(at::Tensor& grad) const;

 private:
  bool wanted_;
  std::size_t width_ = 0;
  int threads_;
  std::vector<float> sums_;
};

}  // namespace muster::ops::cpu
