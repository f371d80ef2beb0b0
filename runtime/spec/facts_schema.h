// Every fact of a model as the plan holds it, declared once (see visitors.h).
#pragma once

#include "runtime/spec/parameters.h"
#include "runtime/spec/visitors.h"

namespace muster::spec {

template <>
struct Choices<Family> {
  static constexpr std::array kNames{"llama", "qwen2", "qwen3"};
};

template <class Visitor, class F>
void describe_facts(Visitor& v, F& facts) {
  const Rule size = within(1, 1e8);
  v.key("family", facts.family, kAny, "", "the kind of decoder");
  v.key("hidden_size", facts.hidden_size, size, "", "model width");
  v.key("num_layers", facts.num_layers, within(1, 1e5), "layers", "decoder layers");
  v.key("num_heads", facts.num_heads, within(1, 1e5), "heads", "query heads");
  v.key("num_kv_heads", facts.num_kv_heads, within(1, 1e5), "heads", "key and value heads");
  v.key("head_dim", facts.head_dim, within(2, 1e5), "", "width of a head");
  v.key("intermediate_size", facts.intermediate_size, size, "", "width of the feed-forward block");
  v.key("vocab_size", facts.vocab_size, size, "tokens", "rows of the embedding");
  v.key("max_position_embeddings", facts.max_position_embeddings, within(1, 1e9), "tokens", "longest sequence");
  v.key("tied_embeddings", facts.tied_embeddings, kAny, "", "the head is the embedding");
  v.key("attention_bias", facts.attention_bias, kAny, "", "q, k and v carry biases");
  v.key("qk_norm", facts.qk_norm, kAny, "", "each query and key head is normalised");
  v.key("rms_norm_eps", facts.rms_norm_eps, within(0, 1), "", "added to the mean square");
  v.key("rope_theta", facts.rope_theta, within(1, 1e12), "", "base of the rotary frequencies");
  v.key("rope_llama3", facts.rope_llama3, kAny, "", "low frequencies are scaled as Llama 3 does");
  v.key("rope_factor", facts.rope_factor, within(1e-6, 1e6), "", "of that scaling");
  v.key("rope_low_freq_factor", facts.rope_low_freq_factor, within(1e-6, 1e6), "", "of that scaling");
  v.key("rope_high_freq_factor", facts.rope_high_freq_factor, within(1e-6, 1e6), "", "of that scaling");
  v.key("rope_original_positions", facts.rope_original_positions, within(0, 1e9), "tokens", "of that scaling");
  v.key("stored_dtype", facts.stored_dtype, kAny, "", "type in which the files hold the weights");
  v.key("end_tokens", facts.end_tokens, kAny, "", "token ids that end an answer");
  v.key("bos_token", facts.bos_token, within(-1, 1e9), "", "token id at the beginning; -1: none");
  v.key("pad_token", facts.pad_token, within(-1, 1e9), "", "token id of padding; -1: none");
}

}  // namespace muster::spec
