// FlashInfer's attention over pages behind pointers: planned once a forward pass, run once a layer. bfloat16.
// Letters: S sequences, T new tokens, H query heads, K key/value heads, E head width.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace muster::ops::cuda {

struct PagedShape {
  std::int64_t num_heads, num_kv_heads, head_dim, page_tokens, num_sequences, num_tokens;
};

inline constexpr std::size_t kPagedFloatBytes = 128u << 20,
                             kPagedIntBytes = 8u << 20;  // of the two workspaces on the device

/// Cuts the work into blocks; host_ints (kPagedIntBytes) is copied into device_ints on `stream`, and holds still until
/// that is done. query_begin, page_begin: [S + 1] on the host; page_begin counts the pages that hold keys. throws:
/// Error::cluster.
std::vector<std::int64_t> plan_paged(const PagedShape& shape, std::vector<std::int32_t> query_begin,
                                     std::vector<std::int32_t> page_begin, void* device_floats, void* device_ints,
                                     void* host_ints, void* stream);

/// All on the device; the int32 arrays as in plan_paged, and last_page_tokens [S].
struct PagedPointers {
  const void *q_THE, *keys_PSKE, *values_PSKE;
  void* o_THE;
  const std::int32_t *query_begin, *page_begin, *pages, *last_page_tokens;
  void *device_floats, *device_ints;
};
/// Returns a cudaError_t. throws: Error::cluster when head_dim is neither 64 nor 128.
int run_paged(const PagedShape& shape, const std::vector<std::int64_t>& plan, const PagedPointers& pointers,
              void* stream);

}  // namespace muster::ops::cuda
