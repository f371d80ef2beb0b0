#include "runtime/generate/cache.h"
#include "runtime/ops/memory_tracking.h"

#include <ATen/ATen.h>

#include <cstring>

namespace muster::generate {
namespace {

/// One small copy a page: no tensor operation each.
void copy_on_cpu(at::Tensor& pages, std::span<const PageCopy> copies) {
  const auto page_bytes = static_cast<std::size_t>(pages.stride(0)) * pages.element_size();
  const auto token_bytes = static_cast<std::size_t>(pages.stride(1)) * pages.element_size();
  auto* const data = static_cast<char*>(pages.mutable_data_ptr());
  for (const PageCopy& copy : copies) {
    std::memcpy(data + static_cast<std::size_t>(copy.to) * page_bytes,
                data + static_cast<std::size_t>(copy.from) * page_bytes,
                static_cast<std::size_t>(copy.tokens) * token_bytes);
  }
}

}  // namespace

PagedCache::PagedCache(const CacheShape& shape, at::ScalarType dtype, at::Device device)
    : first_layer(shape.first_layer) {
  const c10::InferenceMode ordinary(false);  // the pages outlive the mode of whoever makes the cache
  const ops::Owner owner(spec::MemoryOwner::kv_pages);
  const auto options = at::TensorOptions().dtype(dtype).device(device);
  const auto pages = [&] {
    return at::empty({shape.num_pages, shape.page_tokens, shape.num_kv_heads, shape.head_dim}, options);
  };
  for (std::int64_t layer = 0; layer < shape.num_layers; ++layer) {
    keys_PSKE.push_back(pages());
    if (shape.has_values) values_PSKE.push_back(pages());
  }
}

PagedCache PagedCache::part(const spec::Range& pages) const {
  PagedCache part;
  part.first_layer = first_layer;
  for (const at::Tensor& keys : keys_PSKE) part.keys_PSKE.push_back(keys.narrow(0, pages.begin, pages.size()));
  for (const at::Tensor& values : values_PSKE) part.values_PSKE.push_back(values.narrow(0, pages.begin, pages.size()));
  return part;
}

void PagedCache::copy(std::span<const PageCopy> copies) {
  if (copies.empty()) return;
  const bool is_cpu = keys_PSKE.at(0).is_cpu();
  at::Tensor from, to;  // slots
  if (!is_cpu) {
    const std::int64_t page_tokens = keys_PSKE.at(0).size(1);
    std::vector<std::int64_t> from_slots, to_slots;
    for (const PageCopy& copy : copies) {
      for (std::int64_t token = 0; token < copy.tokens; ++token) {
        from_slots.push_back(copy.from * page_tokens + token);
        to_slots.push_back(copy.to * page_tokens + token);
      }
    }
    from = at::tensor(from_slots, at::kLong).to(keys_PSKE[0].device());
    to = at::tensor(to_slots, at::kLong).to(keys_PSKE[0].device());
  }
  for (auto* tensors : {&keys_PSKE, &values_PSKE}) {
    for (at::Tensor& pages : *tensors) {
      if (is_cpu) {
        copy_on_cpu(pages, copies);
      } else {
        at::Tensor slots = pages.flatten(0, 1);
        slots.index_copy_(0, to, slots.index_select(0, from));
      }
    }
  }
}

std::int64_t PagedCache::bytes() const {
  std::int64_t bytes = 0;
  for (const auto* tensors : {&keys_PSKE, &values_PSKE}) {
    for (const at::Tensor& pages : *tensors) bytes += static_cast<std::int64_t>(pages.nbytes());
  }
  return bytes;
}

at::Tensor CacheAttention::attend(std::int64_t layer, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                                  const at::Tensor& v_TKE) {
  const auto at_layer = static_cast<std::size_t>(layer - cache_.first_layer);
  ops::append_pages(cache_.keys_PSKE.at(at_layer), cache_.values_PSKE.at(at_layer), k_TKE, v_TKE, batch_);
  return ops::paged_attention(q_THE, cache_.keys_PSKE[at_layer], cache_.values_PSKE[at_layer], batch_);
}

at::Tensor CacheAttention::attend_latents(std::int64_t layer, const at::Tensor& q_THC, const at::Tensor& latent_TC) {
  at::Tensor& latents_PS1C = cache_.keys_PSKE.at(static_cast<std::size_t>(layer - cache_.first_layer));
  const at::Tensor latent_T1C = latent_TC.unsqueeze(1);
  ops::append_pages(latents_PS1C, latents_PS1C, latent_T1C, latent_T1C, batch_);
  return ops::paged_attention(q_THC, latents_PS1C, latents_PS1C, batch_);
}

}  // namespace muster::generate
