// The loops of the CPU forms, over float32 pointers and without any tensor library: compiled once for each instruction
// level (kernels_v2/v3/v4.cpp) and chosen at start by the CPU at hand, so that one binary runs everywhere. Callers cut
// rows over threads. Letters: N rows, D width, H query heads, K key/value heads, E head width, F feed-forward width, V
// vocabulary rows.
#pragma once

#include <cstdint>

namespace muster::ops {

using Index = std::int64_t;

/// Widths and inputs of splitting heads. q_norm_E and k_norm_E are null without norms.
struct SplitHeadsLoop {
  Index num_heads, num_kv_heads, head_dim;
  float eps;
  const float *q_norm_E, *k_norm_E;
  const float *cos_PE2, *sin_PE2;
  const std::int64_t* positions_N;
};

/// One key/value head of one family of spans: those that begin with the same keys, which lie before all others.
struct SpanLoop {
  Index begin, length;   // queries
  Index keys, num_keys;  // their own, causal: the last query sees the last key
  bool sees_first;       // its queries see all first keys before their own; otherwise its own are first keys
};
struct AttentionLoop {
  const SpanLoop* spans;
  Index num_spans;
  Index first_keys, num_first;  // shared by the family
  Index num_heads, num_kv_heads, head_dim;
  Index kv_head;
  float scale;
  const float *q_THE, *k_TKE, *v_TKE;
  float *o_THE, *lse_TH;            // forward: written; backward: read
  const float* do_THE;              // backward only
  float *dq_THE, *dk_TKE, *dv_TKE;  // backward only; dk and dv come zeroed
  float* scratch;                   // attention_scratch floats
};

/// Sequences whose keys lie in pages, one key/value head of one of them.
struct PagedLoop {
  Index num_heads, num_kv_heads, head_dim, page_tokens;
  Index kv_head;
  float scale;
  const float* q;  // first new token of the sequence: [new_tokens, H, E]
  float* o;
  Index new_tokens, length;  // length: keys, the new ones included
  const std::int32_t* pages;
  const float *keys_PSKE, *values_PSKE;
  float* scratch;  // attention_scratch floats
};

struct Kernels {
  const char* level;
  /// residual null: the sum is x and is not written.
  void (*rms_norm)(const float* residual, const float* x, const float* weight, float eps, float* sum, float* normed,
                   float* rstd, Index rows, Index D);
  /// dsum null: none. grad_D (float32, added to) null: not wanted.
  void (*rms_norm_backward)(const float* dnormed, const float* dsum, const float* sum, const float* weight,
                            const float* rstd, float* dx, float* grad_D, Index rows, Index D);
  void (*swiglu)(const float* gate_up, float* y, Index rows, Index F);
  void (*swiglu_backward)(const float* dy, const float* gate_up, float* dgate_up, Index rows, Index F);
  void (*split_heads)(const SplitHeadsLoop& loop, const float* qkv, float* q, float* k, float* v, Index rows);
  void (*split_heads_backward)(const SplitHeadsLoop& loop, const float* dq, const float* dk, const float* dv,
                               const float* qkv, float* dqkv, float* grad_q_norm, float* grad_k_norm, Index rows);
  void (*score_rows)(const float* logits, const std::int64_t* targets, float scale, float* maxima, float* sums,
                     float* weighted, float* chosen, Index rows, Index V);
  /// entropy_slopes and entropy null: no loss looks at the entropy.
  void (*score_rows_backward)(float* logits, const std::int64_t* targets, const float* lse, const float* weights,
                              const float* entropy_slopes, const float* entropy, float scale, Index rows, Index V);
  void (*attention)(const AttentionLoop& loop);
  void (*attention_backward)(const AttentionLoop& loop);
  void (*paged_attention)(const PagedLoop& loop);
  /// y = exp(x), for tests of its accuracy.
  void (*exponential)(const float* x, float* y, Index count);
};

/// Floats of scratch that one call of an attention kernel needs: `keys` is the most keys that a query sees.
Index attention_scratch(Index keys, Index num_heads, Index num_kv_heads, Index head_dim);

/// The kernels for this CPU.
const Kernels& kernels();
/// Those of one level ("v2", "v3", "v4"), or null where this CPU cannot run them: for tests.
const Kernels* kernels_of(const char* level);

}  // namespace muster::ops
