// Attention over packed segments by ATen's FlashAttention of sequences of different length.
// Letters: T tokens, H query heads, K key/value heads, E head width.
#include <ATen/ATen.h>

#include "runtime/base/error.h"
#include "runtime/ops/cuda/forms.h"

namespace muster::ops::cuda {
namespace {

struct Lengths {
  at::Tensor begins;  // int32 [segments + 1], on the device
  std::int64_t longest = 0;
};

Lengths lengths_of(const std::vector<Segment>& segments, at::Device device) {
  Lengths lengths;
  std::vector<std::int32_t> begins{0};
  for (const Segment& segment : segments) {
    if (segment.prefix >= 0) {
      throw Error::user({.what = "attention over a shared prompt has no CUDA form",
                         .where = "train.share_prompt",
                         .fix = "set train.share_prompt = false where device is cuda"});
    }
    begins.push_back(static_cast<std::int32_t>(segment.begin + segment.length));
    lengths.longest = std::max(lengths.longest, segment.length);
  }
  lengths.begins = at::tensor(begins, at::kInt).to(device);
  return lengths;
}

/// Philox state of a dropout that is off: the backward wants two tensors, and does not read them.
at::Tensor no_random(const at::Tensor& like) { return at::empty({2}, like.options().dtype(at::kUInt64)); }

}  // namespace

std::pair<at::Tensor, at::Tensor> packed_attention_forward(const at::Tensor& q_THE, const at::Tensor& k_TKE,
                                                           const at::Tensor& v_TKE,
                                                           const std::vector<Segment>& segments) {
  const Lengths lengths = lengths_of(segments, q_THE.device());
  const auto found = at::_flash_attention_forward(q_THE, k_TKE, v_TKE, lengths.begins, lengths.begins, lengths.longest,
                                                  lengths.longest,
                                                  /*dropout_p=*/0.0, /*is_causal=*/true, /*return_debug_mask=*/false);
  return {std::get<0>(found), std::get<1>(found).transpose(0, 1)};  // FlashAttention keeps [H, T]
}

Heads packed_attention_backward(const at::Tensor& do_THE, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                                const at::Tensor& v_TKE, const at::Tensor& o_THE, const at::Tensor& lse_TH,
                                const std::vector<Segment>& segments) {
  const Lengths lengths = lengths_of(segments, q_THE.device());
  auto [dq_THE, dk_TKE, dv_TKE] = at::_flash_attention_backward(
      do_THE.contiguous(), q_THE, k_TKE, v_TKE, o_THE, lse_TH.transpose(0, 1).contiguous(), lengths.begins,
      lengths.begins, lengths.longest, lengths.longest, /*dropout_p=*/0.0, /*is_causal=*/true, no_random(q_THE),
      at::empty({0}, q_THE.options().dtype(at::kUInt64)));
  return {dq_THE, dk_TKE, dv_TKE};
}

}  // namespace muster::ops::cuda
