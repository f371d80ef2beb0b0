// The CPU forms of the cache. Letters: T tokens, H query heads, K key/value heads, E head width, P pages, S tokens of a
// page.
#include <ATen/ATen.h>

#include <cmath>
#include <cstring>

#include "runtime/base/error.h"
#include "runtime/ops/attention_forms.h"
#include "runtime/ops/cpu_tensors.h"
#include "runtime/ops/kernels/kernels.h"
#include "runtime/ops/threads.h"

namespace muster::ops::cpu {

void append_pages(at::Tensor& keys_PSKE, at::Tensor& values_PSKE, const at::Tensor& k_TKE, const at::Tensor& v_TKE,
                  const PagedBatch& batch) {
  const at::Tensor k = k_TKE.to(keys_PSKE.scalar_type()).contiguous(),
                   v = v_TKE.to(values_PSKE.scalar_type()).contiguous();
  const auto bytes = static_cast<std::size_t>(k.size(1) * k.size(2)) * k.element_size();
  const std::int64_t num_slots = keys_PSKE.size(0) * keys_PSKE.size(1);
  auto* const keys = static_cast<char*>(keys_PSKE.mutable_data_ptr());
  auto* const values = static_cast<char*>(values_PSKE.mutable_data_ptr());
  const auto* const new_keys = static_cast<const char*>(k.const_data_ptr());
  const auto* const new_values = static_cast<const char*>(v.const_data_ptr());
  for (std::size_t t = 0; t < batch.slots.size(); ++t) {
    INVARIANT(batch.slots[t] >= 0 && batch.slots[t] < num_slots, "a slot lies in the cache");
    const auto slot = static_cast<std::size_t>(batch.slots[t]);
    std::memcpy(keys + slot * bytes, new_keys + t * bytes, bytes);
    std::memcpy(values + slot * bytes, new_values + t * bytes, bytes);
  }
}

at::Tensor paged_attention(const at::Tensor& q_in, const at::Tensor& keys_in, const at::Tensor& values_in,
                           const PagedBatch& batch) {
  // A cache of another type is converted whole: the CPU computes in float32, and a run on the CPU keeps its cache so.
  const at::Tensor q = as_float(q_in), keys = as_float(keys_in), values = as_float(values_in);
  at::Tensor o = at::empty(q.sizes(), q.options());
  PagedLoop loop{};
  loop.num_heads = q.size(1);
  loop.num_kv_heads = keys.size(2);
  loop.head_dim = q.size(2);
  loop.page_tokens = batch.page_tokens;
  loop.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(loop.head_dim)));
  loop.keys_PSKE = data_of(keys);
  loop.values_PSKE = data_of(values);
  for (const std::int32_t page : batch.pages) INVARIANT(page >= 0 && page < keys.size(0), "a page lies in the cache");

  const std::int64_t width = loop.num_heads * loop.head_dim;
  const float* const q_at = data_of(q);
  float* const o_at = o.mutable_data_ptr<float>();
  std::int64_t most = 0;
  for (const std::int32_t length : batch.lengths) most = std::max<std::int64_t>(most, length);
  const auto floats =
      static_cast<std::size_t>(attention_scratch(most, loop.num_heads, loop.num_kv_heads, loop.head_dim));
  std::vector<std::vector<float>> scratch(static_cast<std::size_t>(num_threads()));
  constexpr std::int64_t kSequencesOfTask = 16;
  const auto num_sequences = std::ssize(batch.lengths);
  parallel_tasks((num_sequences + kSequencesOfTask - 1) / kSequencesOfTask, [&](std::int64_t task, int thread) {
    auto& own = scratch[thread];
    if (own.empty()) own.assign(floats, 0.0f);
    for (std::int64_t s = task * kSequencesOfTask; s < std::min(num_sequences, (task + 1) * kSequencesOfTask); ++s) {
      const auto at = static_cast<std::size_t>(s);
      PagedLoop part = loop;
      part.scratch = own.data();
      part.q = q_at + batch.query_begin[at] * width;
      part.o = o_at + batch.query_begin[at] * width;
      part.new_tokens = batch.query_begin[at + 1] - batch.query_begin[at];
      part.length = batch.lengths[at];
      part.pages = batch.pages.data() + batch.page_begin[at];
      for (part.kv_head = 0; part.kv_head < loop.num_kv_heads; ++part.kv_head) kernels().paged_attention(part);
    }
  });
  return o.to(q_in.scalar_type());
}

}  // namespace muster::ops::cpu
