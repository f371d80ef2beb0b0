#include "runtime/ops/meta_forms.h"

#include <ATen/ATen.h>
#include <ATen/ExpandUtils.h>
#include <torch/library.h>

#include "runtime/ops/attention_forms.h"
#include "runtime/ops/layer_forms.h"
#include "runtime/ops/score_rows.h"

namespace muster::ops {
namespace meta {

at::Tensor floats(const at::Tensor& like, at::IntArrayRef shape) {
  return at::empty(shape, like.options().dtype(at::kFloat));
}
at::Tensor same(const at::Tensor& like, at::IntArrayRef shape) { return at::empty(shape, like.options()); }

at::Tensor embedding_forward(const at::Tensor& tokens_T, const at::Tensor& weight_VD) {
  return same(weight_VD, {tokens_T.size(0), weight_VD.size(1)});
}
void embedding_backward(const at::Tensor&, const at::Tensor&, at::Tensor&) {}

std::tuple<at::Tensor, at::Tensor, at::Tensor> rms_norm_forward(const at::Tensor& residual_ND, const at::Tensor& x_ND,
                                                                const at::Tensor&, double) {
  return {residual_ND.defined() ? same(x_ND, x_ND.sizes()) : x_ND, same(x_ND, x_ND.sizes()),
          floats(x_ND, {x_ND.size(0)})};
}
at::Tensor rms_norm_backward(const at::Tensor& dnormed_ND, const at::Tensor&, const at::Tensor&, const at::Tensor&,
                             const at::Tensor&, at::Tensor&) {
  return same(dnormed_ND, dnormed_ND.sizes());
}

at::Tensor swiglu_forward(const at::Tensor& gate_up_T2F) {
  return same(gate_up_T2F, {gate_up_T2F.size(0), gate_up_T2F.size(1) / 2});
}
at::Tensor swiglu_backward(const at::Tensor&, const at::Tensor& gate_up_T2F) {
  return same(gate_up_T2F, gate_up_T2F.sizes());
}

Heads split_heads_forward(const at::Tensor& qkv, const HeadShape& shape, const at::Tensor&, const at::Tensor&,
                          const RopeTable&, const at::Tensor&) {
  const std::int64_t T = qkv.size(0), H = shape.num_heads, K = shape.num_kv_heads, E = shape.head_dim;
  return {same(qkv, {T, H, E}), same(qkv, {T, K, E}), same(qkv, {T, K, E})};
}
at::Tensor split_heads_backward(const Heads& gradients, const at::Tensor&, const HeadShape& shape, const at::Tensor&,
                                const at::Tensor&, const RopeTable&, const at::Tensor&, at::Tensor&, at::Tensor&) {
  const at::Tensor& dq = gradients.q_THE;
  return same(dq, {dq.size(0), (shape.num_heads + 2 * shape.num_kv_heads) * shape.head_dim});
}

std::pair<at::Tensor, at::Tensor> packed_attention_forward(const at::Tensor& q_THE, const at::Tensor&,
                                                           const at::Tensor&, const std::vector<AttentionSpan>&) {
  return {same(q_THE, q_THE.sizes()), floats(q_THE, {q_THE.size(0), q_THE.size(1)})};
}
Heads packed_attention_backward(const at::Tensor&, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                                const at::Tensor& v_TKE, const at::Tensor&, const at::Tensor&,
                                const std::vector<AttentionSpan>&) {
  return {same(q_THE, q_THE.sizes()), same(k_TKE, k_TKE.sizes()), same(v_TKE, v_TKE.sizes())};
}
void append_pages(at::Tensor&, at::Tensor&, const at::Tensor&, const at::Tensor&, const PagedBatch&) {}
at::Tensor paged_attention(const at::Tensor& q_THE, const at::Tensor&, const at::Tensor&, const PagedBatch&) {
  return same(q_THE, q_THE.sizes());
}

RowFigures score_rows(const at::Tensor& logits_NV, const at::Tensor&, double) {
  const auto column = [&] { return floats(logits_NV, {logits_NV.size(0)}); };
  return {column(), column(), column(), column()};
}
void score_rows_backward(at::Tensor&, const at::Tensor&, const at::Tensor&, const RowGradients&, double) {}

/// ATen has its shapes for these in Python alone.
at::Tensor index_select(const at::Tensor& x, std::int64_t dim, const at::Tensor& index) {
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape[dim < 0 ? dim + x.dim() : dim] = index.numel();
  return same(x, shape);
}

at::Tensor where(const at::Tensor& condition, const at::Tensor& yes, const at::Tensor& no) {
  const std::vector<std::int64_t> shape = at::infer_size(condition.sizes(), at::infer_size(yes.sizes(), no.sizes()));
  return at::empty(shape, condition.options().dtype(at::result_type(yes, no)));
}

at::Tensor& element_wise_out(const at::Tensor& x, at::Tensor& out) {
  out.resize_(x.sizes());
  return out;
}

void add_missing_operations() {
  static torch::Library library(torch::Library::IMPL, "aten", c10::DispatchKey::Meta, __FILE__, __LINE__);
  library.impl("index_select", index_select);
  library.impl("where.self", where);
  library.impl("abs.out", element_wise_out);
}

}  // namespace meta

void add_meta_kernels() {
  meta::add_missing_operations();
  constexpr auto kMeta = at::DeviceType::Meta;
  embedding_forward_kernels().add(kMeta, meta::embedding_forward);
  embedding_backward_kernels().add(kMeta, meta::embedding_backward);
  rms_norm_forward_kernels().add(kMeta, meta::rms_norm_forward);
  rms_norm_backward_kernels().add(kMeta, meta::rms_norm_backward);
  swiglu_forward_kernels().add(kMeta, meta::swiglu_forward);
  swiglu_backward_kernels().add(kMeta, meta::swiglu_backward);
  split_heads_forward_kernels().add(kMeta, meta::split_heads_forward);
  split_heads_backward_kernels().add(kMeta, meta::split_heads_backward);
  packed_attention_forward_kernels().add(kMeta, meta::packed_attention_forward);
  packed_attention_backward_kernels().add(kMeta, meta::packed_attention_backward);
  append_pages_kernels().add(kMeta, meta::append_pages);
  paged_attention_kernels().add(kMeta, meta::paged_attention);
  score_rows_kernels().add(kMeta, meta::score_rows);
  score_rows_backward_kernels().add(kMeta, meta::score_rows_backward);
}

}  // namespace muster::ops
