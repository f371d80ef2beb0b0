// Chooses the instruction level once.
#include "runtime/ops/kernels/kernels.h"

#include <algorithm>
#include <cstring>

#include "runtime/ops/kernels/blocks.h"

namespace muster::ops {
namespace v2 {
extern const Kernels table;
}
namespace v3 {
extern const Kernels table;
}
namespace v4 {
extern const Kernels table;
}

const Kernels* kernels_of(const char* level) {
  if (std::strcmp(level, "v4") == 0) return __builtin_cpu_supports("x86-64-v4") ? &v4::table : nullptr;
  if (std::strcmp(level, "v3") == 0) return __builtin_cpu_supports("x86-64-v3") ? &v3::table : nullptr;
  return std::strcmp(level, "v2") == 0 ? &v2::table : nullptr;
}

const Kernels& kernels() {
  static const Kernels* const chosen = [] {
    for (const char* level : {"v4", "v3"})
      if (const Kernels* found = kernels_of(level)) return found;
    return &v2::table;
  }();
  return *chosen;
}

Index attention_scratch(Index keys, Index num_heads, Index num_kv_heads, Index head_dim) {
  const Index padded_keys = padded(keys),
              rows = block_tokens(padded_keys, num_heads / num_kv_heads) * (num_heads / num_kv_heads);
  const Index width = padded(head_dim);
  return 2 * width * padded_keys + 2 * rows * padded_keys + 3 * rows * width + 4 * rows;
}

}  // namespace muster::ops
