// The kernels of attention, one table each: tensors in, tensors out, no autograd. A library for another device adds its
// forms here. Letters: T tokens, H query heads, K key/value heads, E head width, J keys, P pages, S tokens of a
// page.
#pragma once

#include <utility>

#include "runtime/ops/forms.h"
#include "runtime/ops/layers.h"
#include "runtime/ops/packed_attention.h"
#include "runtime/ops/paged_attention.h"

namespace muster::ops {

/// The spans cover the T queries one after another; J keys, of which some may be seen by none. Returns {o_THE, lse_TH
/// float32: log of the sum of exp of the scaled scores of each query head}.
using PackedAttentionForward = std::pair<at::Tensor, at::Tensor>(const at::Tensor& q_THE, const at::Tensor& k_JKE,
                                                                 const at::Tensor& v_JKE,
                                                                 const std::vector<AttentionSpan>& spans);
/// Returns {dq_THE, dk_JKE, dv_JKE}, those of a key summed over all spans that see it.
using PackedAttentionBackward = Heads(const at::Tensor& do_THE, const at::Tensor& q_THE, const at::Tensor& k_JKE,
                                      const at::Tensor& v_JKE, const at::Tensor& o_THE, const at::Tensor& lse_TH,
                                      const std::vector<AttentionSpan>& spans);
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
