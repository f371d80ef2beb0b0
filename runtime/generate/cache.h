// The keys and values of all pages, at fixed addresses for the life of the run, and the attention that a decoder does
// with them. Of latent attention the latents and rotated keys, of which keys and values are made. Letters: P pages, S
// tokens of a page, K key/value heads (cut over tp; 1 of latents, on every rank), E head width (C of latents).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/generate/scheduler.h"
#include "runtime/model/decoder.h"
#include "runtime/spec/layout.h"

namespace muster::generate {

/// first_layer: of the model, that a rank of a pipeline begins with.
struct CacheShape {
  std::int64_t first_layer = 0, num_layers = 0, num_pages = 0, page_tokens = 0, num_kv_heads = 0, head_dim = 0;
  bool has_values = true;  // latents are keys and values at once
};

class PagedCache {
 public:
  PagedCache(const CacheShape& shape, at::ScalarType dtype, at::Device device);
  /// A window onto some of the pages, which are numbered from 0 there.
  PagedCache part(const spec::Range& pages) const;

  /// One tensor a layer, [P, S, K, E]; no values where the keys are those too.
  std::vector<at::Tensor> keys_PSKE, values_PSKE;
  std::int64_t first_layer = 0;
  /// Copies the first tokens of pages, in all layers.
  void copy(std::span<const PageCopy> copies);
  std::int64_t bytes() const;

 private:
  PagedCache() = default;
};

/// Attention of one pass: new keys go into the cache, queries see all keys of their sequence.
class CacheAttention final : public model::Context {
 public:
  CacheAttention(PagedCache& cache, const ops::PagedBatch& batch) : cache_(cache), batch_(batch) {}
  at::Tensor attend(std::int64_t layer, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                    const at::Tensor& v_TKE) override;
  bool keeps_latents() const override { return cache_.values_PSKE.empty(); }
  at::Tensor attend_latents(std::int64_t layer, const at::Tensor& q_THC, const at::Tensor& latent_TC) override;

 private:
  PagedCache& cache_;
  const ops::PagedBatch& batch_;
};

}  // namespace muster::generate
