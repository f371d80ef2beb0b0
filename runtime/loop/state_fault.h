// Whether the file of a checkpoint holds what this rank keeps: its tensors by name, size and type, and no other.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/weights/safetensors.h"

namespace muster::loop {

inline constexpr const char* kUpdates = "num_updates";  // of the optimizer, one int64 beside the trainer's slices

/// Why the tensors of a file are not `slices` and kUpdates, or "". Slices are flat.
std::string state_fault(const std::map<std::string, weights::TensorEntry>& entries,
                        const std::vector<std::pair<std::string, at::Tensor>>& slices);

}  // namespace muster::loop
