// The kernels of attention, one table each: tensors in, tensors out, no autograd. A library for another device adds its
// forms here. Letters: T tokens, H query heads, K key/value heads, E head width, P pages, S tokens of a page.
#pragma once

#include <utility>

#include "runtime/ops/forms.h"
#include "runtime/ops/layers.h"
#include "runtime/ops/packed_attention.h"
#include "runtime/ops/paged_attention.h"

namespace muster::ops {

/// Returns {o_THE, lse_TH float32: log of the sum of exp of the scaled scores of each query head}.
using PackedAttentionForward = std::pair<at::Tensor, at::Tensor>(const at::Tensor& q_THE, const at::Tensor& k_TKE,
                                                                 const at::Tensor& v_TKE,
                                                                 const std::vector<Segment>& segments);
/// Returns {dq_THE, dk_TKE, dv_TKE}; a prefix's dk and dv are summed over all segments that see it.
using PackedAttentionBackward = Heads(const at::Tensor& do_THE, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                                      const at::Tensor& v_TKE, const at::Tensor& o_THE, const at::Tensor& lse_TH,
                                      const std::vector<Segment>& segments);
using AppendPages = void(at::Tensor& keys_PSKE, at::Tensor& values_PSKE, const at::Tensor& k_TKE,
                         const at::Tensor& v_TKE, const PagedBatch& batch);
using PagedAttention = at::Tensor(const at::Tensor& q_THE, const at::Tensor& keys_PSKE, const at::Tensor& values_PSKE,
                                  const PagedBatch& batch);

KernelTable<PackedAttentionForward>& packed_attention_forward_kernels();
KernelTable<PackedAttentionBackward>& packed_attention_backward_kernels();
KernelTable<AppendPages>& append_pages_kernels();
KernelTable<PagedAttention>& paged_attention_kernels();

namespace cpu {
PackedAttentionForward packed_attention_forward;
PackedAttentionBackward packed_attention_backward;
AppendPages append_pages;
PagedAttention paged_attention;
}  // namespace cpu

/// The same in ATen operations, on any device and in any float type: the reference of tests and the fallback.
namespace plain {
PackedAttentionForward packed_attention_forward;
PackedAttentionBackward packed_attention_backward;
AppendPages append_pages;
PagedAttention paged_attention;
}  // namespace plain

}  // namespace muster::ops
