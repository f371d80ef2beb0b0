// Between tensors and launches: the type of a tensor's elements as kernels call it, the stream, and the check of a
// launch.
#pragma once

#include <ATen/core/Tensor.h>

#include "runtime/ops/cuda/scalars.h"

namespace muster::ops::cuda {

/// The stream that ATen's operations on the device of `tensor` go to.
void* stream_of(const at::Tensor& tensor);
/// throws: Error::cluster naming `op` and what the driver says, unless code is 0.
void check_launch(int code, const char* op);
/// throws: Error::cluster.
[[noreturn]] void refuse_type(const char* op, at::ScalarType type);

template <class T>
const T* read(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<const T*>(tensor.const_data_ptr()) : nullptr;
}
template <class T>
T* write(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<T*>(tensor.mutable_data_ptr()) : nullptr;
}

/// body(T()) with T float or Bf16.
template <class Body>
void for_type(const char* op, at::ScalarType type, const Body& body) {
  if (type == at::ScalarType::Float) return body(float());
  if (type == at::ScalarType::BFloat16) return body(Bf16());
  refuse_type(op, type);
}

}  // namespace muster::ops::cuda
