// The state of a rank against the header of a file.
#include "runtime/loop/state_fault.h"

#include <ATen/ATen.h>

#include "runtime/base/text.h"

namespace muster::loop {
namespace {

using base::text;

std::string tensor_fault(const std::map<std::string, weights::TensorEntry>& entries, const std::string& name,
                         std::int64_t numel, at::ScalarType dtype) {
  const auto found = entries.find(name);
  if (found == entries.end()) return text("its file lacks the tensor '", name, "'");
  const weights::TensorEntry& entry = found->second;
  if (entry.shape != std::vector<std::int64_t>{numel} || entry.dtype != dtype)
    return text("the tensor '", name, "' of its file has another size or type than this rank's of ", numel, " ",
                at::toString(dtype));
  return "";
}

}  // namespace

std::string state_fault(const std::map<std::string, weights::TensorEntry>& entries,
                        const std::vector<std::pair<std::string, at::Tensor>>& slices) {
  for (const auto& [name, slice] : slices) {
    const std::string fault = tensor_fault(entries, name, slice.numel(), slice.scalar_type());
    if (!fault.empty()) return fault;
  }
  if (entries.size() != slices.size() + 1)
    return text("its file holds ", entries.size(), " tensors, this rank keeps ", slices.size() + 1);
  return tensor_fault(entries, kUpdates, 1, at::kLong);
}

}  // namespace muster::loop
