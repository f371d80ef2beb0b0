// Checks, dispatch and autograd of attention over packed segments. Letters: T tokens, H query heads, K key/value heads,
// E head width.
#include "runtime/ops/packed_attention.h"
#include "runtime/ops/flops.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/ops/attention_forms.h"

namespace muster::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::vector<std::int64_t> flattened(const std::vector<Segment>& segments) {
  std::vector<std::int64_t> flat;
  flat.reserve(3 * segments.size());
  for (const Segment& segment : segments) flat.insert(flat.end(), {segment.begin, segment.length, segment.prefix});
  return flat;
}

std::vector<Segment> segments_of(const std::vector<std::int64_t>& flat) {
  std::vector<Segment> segments(flat.size() / 3);
  for (std::size_t s = 0; s < segments.size(); ++s) segments[s] = {flat[3 * s], flat[3 * s + 1], flat[3 * s + 2]};
  return segments;
}

struct PackedAttention : torch::autograd::Function<PackedAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                            const at::Tensor& v_TKE, const std::vector<Segment>& segments) {
    auto [o_THE, lse_TH] =
        packed_attention_forward_kernels().for_device_of(q_THE)(q_THE, k_TKE, v_TKE, spans_of(segments));
    context->save_for_backward({q_THE, k_TKE, v_TKE, o_THE, lse_TH});
    context->saved_data["segments"] = flattened(segments);
    return o_THE;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const std::vector<AttentionSpan> spans = spans_of(segments_of(context->saved_data["segments"].toIntVector()));
    count_flops(2 * attention_flops(spans, saved[0].size(1), saved[0].size(2)));
    Heads heads = packed_attention_backward_kernels().for_device_of(gradients[0])(gradients[0], saved[0], saved[1],
                                                                                  saved[2], saved[3], saved[4], spans);
    return {heads.q_THE, heads.k_TKE, heads.v_TKE, at::Tensor()};
  }
};

void check_segments(const std::vector<Segment>& segments, std::int64_t num_tokens) {
  std::int64_t next = 0;
  for (const Segment& segment : segments) {
    INVARIANT(segment.begin == next && segment.length >= 0, "segments lie one after another");
    next += segment.length;
    if (segment.prefix < 0) continue;
    INVARIANT(segment.prefix < std::ssize(segments), "a prefix is a segment of the batch");
    INVARIANT(segments[segment.prefix].prefix < 0, "a prefix has no prefix itself");
  }
  INVARIANT(next == num_tokens, base::text("segments cover ", num_tokens, " tokens, not ", next));
}

}  // namespace

std::vector<AttentionSpan> spans_of(const std::vector<Segment>& segments) {
  std::vector<AttentionSpan> spans;
  for (const Segment& segment : segments) {
    if (segment.length == 0) continue;
    const Segment prefix = segment.prefix < 0 ? Segment() : segments[segment.prefix];
    spans.push_back({.begin = segment.begin,
                     .length = segment.length,
                     .keys = segment.begin,
                     .num_keys = segment.length,
                     .prefix = prefix.begin,
                     .prefix_keys = prefix.length});
  }
  return spans;
}

double attention_flops(const std::vector<AttentionSpan>& spans, std::int64_t num_heads, std::int64_t head_dim) {
  double pairs = 0;
  for (const AttentionSpan& span : spans)
    pairs += causal_pairs(span.length, span.prefix_keys + span.num_keys - span.length);
  return attention_flops(pairs, num_heads, head_dim);
}

KernelTable<PackedAttentionForward>& packed_attention_forward_kernels() {
  static KernelTable<PackedAttentionForward> forms{"packed_attention", cpu::packed_attention_forward,
                                                   plain::packed_attention_forward};
  return forms;
}

KernelTable<PackedAttentionBackward>& packed_attention_backward_kernels() {
  static KernelTable<PackedAttentionBackward> forms{"packed_attention_backward", cpu::packed_attention_backward,
                                                    plain::packed_attention_backward};
  return forms;
}

at::Tensor packed_attention(const at::Tensor& q_THE, const at::Tensor& k_TKE, const at::Tensor& v_TKE,
                            const std::vector<Segment>& segments) {
  INVARIANT(q_THE.dim() == 3 && k_TKE.dim() == 3 && k_TKE.sizes() == v_TKE.sizes(),
            "queries, keys and values are [tokens, heads, width]");
  INVARIANT(q_THE.size(0) == k_TKE.size(0) && q_THE.size(2) == k_TKE.size(2) && q_THE.size(1) % k_TKE.size(1) == 0,
            "each key/value head serves a whole number of query heads");
  check_segments(segments, q_THE.size(0));
  count_flops(attention_flops(spans_of(segments), q_THE.size(1), q_THE.size(2)));
  if (!at::GradMode::is_enabled() || !(q_THE.requires_grad() || k_TKE.requires_grad() || v_TKE.requires_grad()))
    return packed_attention_forward_kernels().for_device_of(q_THE)(q_THE, k_TKE, v_TKE, spans_of(segments)).first;
  return PackedAttention::apply(q_THE, k_TKE, v_TKE, segments);
}

}  // namespace muster::ops
