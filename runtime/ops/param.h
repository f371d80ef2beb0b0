// A weight as the layers see it: its value, and where its gradient is summed.
#pragma once

#include <ATen/core/Tensor.h>

namespace muster::ops {

/// value: a window into the rank's flat weights; never requires grad itself. grad: a window of the same shape into the
/// flat gradients (fp32 or the value's type), into which a layer's backward adds; undefined in a generator.
struct Param {
  at::Tensor value;
  at::Tensor grad;
  explicit operator bool() const { return value.defined(); }
};

}  // namespace muster::ops
