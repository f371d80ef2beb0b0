// Attention over spans by ATen's FlashAttention of sequences of different length, whose causal mask is that of spans:
// the last query of a sequence sees its last key. Letters: T tokens, H query heads, K key/value heads, E head width, J
// keys.
#include <ATen/ATen.h>

#include "runtime/base/error.h"
#include "runtime/ops/cuda/forms.h"
#include "runtime/ops/packed_keys.h"

namespace muster::ops::cuda {
namespace {

/// Every layer of a pass asks with the same spans: their copy to the device is made once.
const PackedKeys& keys_of(const std::vector<AttentionSpan>& spans, const at::Tensor& k_JKE) {
  struct Last {
    std::vector<AttentionSpan> spans;
    std::int64_t num_keys = -1;
    at::Device device = at::kCPU;
    PackedKeys keys;
  };
  thread_local Last last;  // a memo of the last batch, nothing else
  const std::int64_t num_keys = k_JKE.size(0);
  if (last.num_keys != num_keys || last.device != k_JKE.device() || last.spans != spans)
    last = {spans, num_keys, k_JKE.device(), packed_keys_of(spans, num_keys, k_JKE.device())};
  return last.keys;
}

/// Philox state of a dropout that is off: the backward wants two tensors, and does not read them.
at::Tensor no_random(const at::Tensor& like) { return at::empty({2}, like.options().dtype(at::kUInt64)); }

}  // namespace

std::pair<at::Tensor, at::Tensor> packed_attention_forward(const at::Tensor& q_THE, const at::Tensor& k_JKE,
                                                           const at::Tensor& v_JKE,
                                                           const std::vector<AttentionSpan>& spans) {
  const PackedKeys& keys = keys_of(spans, k_JKE);
  const auto found = at::_flash_attention_forward(q_THE, packed(keys, k_JKE), packed(keys, v_JKE), keys.query_begins,
                                                  keys.key_begins, keys.most_queries, keys.most_keys,
                                                  /*dropout_p=*/0.0, /*is_causal=*/true, /*return_debug_mask=*/false);
  return {std::get<0>(found), std::get<1>(found).transpose(0, 1)};  // FlashAttention keeps [H, T]
}

Heads packed_attention_backward(const at::Tensor& do_THE, const at::Tensor& q_THE, const at::Tensor& k_JKE,
                                const at::Tensor& v_JKE, const at::Tensor& o_THE, const at::Tensor& lse_TH,
                                const std::vector<AttentionSpan>& spans) {
  const PackedKeys& keys = keys_of(spans, k_JKE);
  const auto [dq_THE, dk, dv] = at::_flash_attention_backward(
      do_THE.contiguous(), q_THE, packed(keys, k_JKE), packed(keys, v_JKE), o_THE, lse_TH.transpose(0, 1).contiguous(),
      keys.query_begins, keys.key_begins, keys.most_queries, keys.most_keys, /*dropout_p=*/0.0, /*is_causal=*/true,
      no_random(q_THE), at::empty({0}, q_THE.options().dtype(at::kUInt64)));
  return {dq_THE, unpacked_sum(keys, dk, k_JKE.size(0)), unpacked_sum(keys, dv, v_JKE.size(0))};
}

}  // namespace muster::ops::cuda
