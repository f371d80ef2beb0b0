// A tensor's values on the host: the points at which a step waits for its device, all of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace muster::ops {

/// The tensor itself where it lies on the CPU. A tensor without data (of a rehearsal) becomes zeros, which is what
/// every caller can go on with.
at::Tensor on_host(const at::Tensor& tensor);
/// How often on_host was asked for a tensor that lies elsewhere.
std::int64_t num_host_waits();

}  // namespace muster::ops
