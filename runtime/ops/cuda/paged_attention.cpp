// CUDA forms of the generator's cache: keys and values written to their slots, attention by FlashInfer.
// Letters: S sequences, T new tokens, H query heads, K key/value heads, E head width, P pages.
#include <ATen/ATen.h>

#include "runtime/base/error.h"
#include "runtime/ops/cuda/forms.h"
#include "runtime/ops/cuda/paged_kernels.h"
#include "runtime/ops/cuda/tensors.h"

namespace muster::ops::cuda {
namespace {

at::Tensor on_device(const std::vector<std::int32_t>& values, at::Device device) {
  return at::tensor(values, at::kInt).to(device);
}

bool same_batch(const PagedBatch& a, const PagedBatch& b) {
  return a.page_tokens == b.page_tokens && a.query_begin == b.query_begin && a.lengths == b.lengths &&
         a.page_begin == b.page_begin && a.pages == b.pages;
}

bool same_shape(const PagedShape& a, const PagedShape& b) {
  return a.num_heads == b.num_heads && a.num_kv_heads == b.num_kv_heads && a.head_dim == b.head_dim;
}

/// The plan of a batch: every layer of a forward pass asks with the same one.
struct Plan {
  PagedBatch batch;
  PagedShape shape{};
  at::Tensor floats, ints;  // workspaces on the device
  std::vector<char> host_ints;
  at::Tensor query_begin, page_begin, pages, last_page_tokens;
  std::vector<std::int64_t> words;
};

std::unique_ptr<Plan> make_plan(const PagedBatch& batch, const PagedShape& shape, const at::Tensor& q_THE) {
  auto plan = std::make_unique<Plan>();
  plan->batch = batch;
  plan->shape = shape;
  // Only pages that hold keys count: a sequence may own more than it has filled.
  std::vector<std::int32_t> page_begin{0}, pages, last_page_tokens;
  for (std::size_t s = 0; s < batch.lengths.size(); ++s) {
    const auto page_tokens = static_cast<std::int32_t>(batch.page_tokens);
    const std::int32_t filled = (batch.lengths[s] + page_tokens - 1) / page_tokens;
    pages.insert(pages.end(), batch.pages.begin() + batch.page_begin[s],
                 batch.pages.begin() + batch.page_begin[s] + filled);
    page_begin.push_back(page_begin.back() + filled);
    last_page_tokens.push_back(batch.lengths[s] - (filled - 1) * page_tokens);
  }
  const at::Device device = q_THE.device();
  plan->floats = at::empty({static_cast<std::int64_t>(kPagedFloatBytes)}, q_THE.options().dtype(at::kByte));
  plan->ints = at::empty({static_cast<std::int64_t>(kPagedIntBytes)}, q_THE.options().dtype(at::kByte));
  plan->host_ints.resize(kPagedIntBytes);  // pageable: the copy has left it when the call returns
  plan->query_begin = on_device(batch.query_begin, device);
  plan->page_begin = on_device(page_begin, device);
  plan->pages = on_device(pages, device);
  plan->last_page_tokens = on_device(last_page_tokens, device);
  plan->words = plan_paged(shape, batch.query_begin, page_begin, plan->floats.mutable_data_ptr(),
                           plan->ints.mutable_data_ptr(), plan->host_ints.data(), stream_of(q_THE));
  return plan;
}

}  // namespace

void append_pages(at::Tensor& keys_PSKE, at::Tensor& values_PSKE, const at::Tensor& k_TKE, const at::Tensor& v_TKE,
                  const PagedBatch& batch) {
  const at::Tensor slots = at::tensor(batch.slots, at::kLong).to(keys_PSKE.device());
  const std::vector<std::int64_t> rows{-1, keys_PSKE.size(2), keys_PSKE.size(3)};
  keys_PSKE.view(rows).index_copy_(0, slots, k_TKE);
  values_PSKE.view(rows).index_copy_(0, slots, v_TKE);
}

at::Tensor paged_attention(const at::Tensor& q_THE, const at::Tensor& keys_PSKE, const at::Tensor& values_PSKE,
                           const PagedBatch& batch) {
  if (q_THE.scalar_type() != at::kBFloat16) refuse_type("paged_attention", q_THE.scalar_type());
  const PagedShape shape{.num_heads = q_THE.size(1),
                         .num_kv_heads = keys_PSKE.size(2),
                         .head_dim = q_THE.size(2),
                         .page_tokens = batch.page_tokens,
                         .num_sequences = std::ssize(batch.lengths),
                         .num_tokens = q_THE.size(0)};
  const at::Tensor q = q_THE.contiguous(), o = at::empty_like(q);
  if (shape.num_tokens == 0) return o;
  thread_local std::unique_ptr<Plan> plan;  // a memo of the last batch, nothing else
  if (plan == nullptr || !same_shape(plan->shape, shape) || !same_batch(plan->batch, batch))
    plan = make_plan(batch, shape, q);
  const PagedPointers pointers{.q_THE = q.const_data_ptr(),
                               .keys_PSKE = keys_PSKE.const_data_ptr(),
                               .values_PSKE = values_PSKE.const_data_ptr(),
                               .o_THE = o.mutable_data_ptr(),
                               .query_begin = read<std::int32_t>(plan->query_begin),
                               .page_begin = read<std::int32_t>(plan->page_begin),
                               .pages = read<std::int32_t>(plan->pages),
                               .last_page_tokens = read<std::int32_t>(plan->last_page_tokens),
                               .device_floats = plan->floats.mutable_data_ptr(),
                               .device_ints = plan->ints.mutable_data_ptr()};
  check_launch(run_paged(shape, plan->words, pointers, stream_of(q)), "paged_attention");
  return o;
}

}  // namespace muster::ops::cuda
