// Letters: T tokens of the micro batch on this rank, D model width, F feed-forward width, H heads. Counts are elements
// of the compute type a token, unless they say bytes.
#include "runtime/spec/activations.h"

#include <algorithm>
#include <vector>

#include "runtime/spec/memory.h"
#include "runtime/spec/schedule.h"

namespace muster::spec {

namespace {

/// Tokens do not fall on experts evenly: the fullest rank of an ep group is reckoned with so much more than its share.
constexpr double kExpertSkew = 1.25;
constexpr double kScanChunk_tokens = 256;  // a Mamba layer keeps its state once in so many tokens

/// How a pass is cut on one rank.
struct Cutting {
  double tokens = 0;
  double tp = 1, etp = 1, ep = 1;
  bool cut_experts = true;  // all tokens of a tp group pass the router and the chosen experts on each of its ranks
  bool sequence_parallel = false;
  double element_bytes = 2;
  bool keeps_latents = false;  // latent attention over a generator's cache
  /// Norms and residuals.
  double stream(double width) const { return width / (sequence_parallel ? tp : 1); }
};

double as_double(std::int64_t count) { return static_cast<double>(count); }

/// Inside a mixer, between its norm and the residual.
double mixer_elements(const ModelFacts& facts, Mixer mixer, const Cutting& cut) {
  const double tp = cut.tp;
  const double heads = as_double(facts.num_heads), kv_heads = as_double(facts.num_kv_heads);
  const double width = as_double(facts.head_dim), lse = 2 * heads / tp;  // float32
  switch (mixer) {
    case Mixer::none:
      return 0;
    case Mixer::attention: {
      const double own_kv = std::max(1.0, kv_heads / tp);
      const double raw = facts.qk_norm ? heads / tp + own_kv : 0;  // queries and keys before their norm
      return (raw + heads / tp * 2 + own_kv * 2) * width + lse;
    }
    case Mixer::latent_attention: {
      const double latent = as_double(facts.q_lora_rank + facts.kv_lora_rank + facts.qk_rope_head_dim);
      const double value = as_double(facts.v_head_dim), cached = latent - as_double(facts.q_lora_rank);
      // Absorbed: queries in parts, put together and scaled, and what attention gives. Otherwise queries, keys, values
      // and results of one width, and the results as the output matrix wants them.
      const double of_head = cut.keeps_latents ? width + 3 * cached + value : 4 * std::max(width, value) + value;
      return 2 * latent + heads / tp * of_head + lse;
    }
    case Mixer::mamba: {
      const double inner = as_double(facts.mamba_num_heads * facts.mamba_head_dim);
      const double state = as_double(facts.mamba_num_groups * facts.mamba_state_size);
      const double states = 2 * inner * as_double(facts.mamba_state_size) / kScanChunk_tokens;  // float32
      return (5 * inner + 4 * state + as_double(facts.mamba_num_heads) + states) / tp;
    }
  }
  return 0;
}

double dense_elements(const ModelFacts& facts, double inner, double tp) {
  return (facts.family == Family::nemotron_h ? 2 : 3) * inner / tp;
}

double feed_forward_elements(const ModelFacts& facts, FeedForward kind, const Cutting& cut) {
  if (kind == FeedForward::none) return 0;
  if (kind == FeedForward::dense) return dense_elements(facts, as_double(facts.intermediate_size), cut.tp);
  const double chosen = as_double(facts.experts_per_token) * (cut.ep > 1 ? kExpertSkew : 1);
  const std::int64_t seen = facts.expert_latent_size > 0 ? facts.expert_latent_size : facts.hidden_size;
  const double routed = 2 * as_double(seen) +  // a token's copy on the way there, and what comes back
                        dense_elements(facts, as_double(facts.expert_intermediate_size), cut.etp);
  const double scores = 2 * as_double(facts.num_experts);  // float32
  const double dealt = cut.cut_experts ? 1 : 1 / cut.tp;
  return dealt * (scores + chosen * routed) + dense_elements(facts, as_double(facts.shared_intermediate_size), cut.tp);
}

/// What a layer keeps of one token.
double kept_elements(const ModelFacts& facts, LayerKind kind, const Cutting& cut, Recompute recompute) {
  const double width = as_double(facts.hidden_size);
  if (recompute == Recompute::full) return cut.stream(width);
  const double norm = cut.stream(2 * width);  // a part's input, before and behind its norm
  double elements = 0;
  if (kind.mixer != Mixer::none)
    elements += recompute == Recompute::attention ? norm / 2 : norm + mixer_elements(facts, kind.mixer, cut);
  if (kind.feed_forward != FeedForward::none)
    elements += recompute == Recompute::mlp ? norm / 2 : norm + feed_forward_elements(facts, kind.feed_forward, cut);
  return elements;
}

std::vector<std::int64_t> layers_on(const ModelFacts& facts, const Degrees& degrees, std::int64_t stage) {
  std::vector<std::int64_t> layers;
  for (std::int64_t chunk = 0; chunk < degrees.vpp; ++chunk) {
    const Range range = layers_of(degrees, facts.num_layers, stage, chunk);
    for (std::int64_t layer = range.begin; layer < range.end; ++layer) layers.push_back(layer);
  }
  return layers;
}

/// Everything that the largest of these layers makes of one token.
double largest_layer(const ModelFacts& facts, const std::vector<std::int64_t>& layers, const Cutting& cut) {
  double most = 0;
  for (const std::int64_t layer : layers)
    most = std::max(most, kept_elements(facts, layer_kind(facts, layer), cut, Recompute::none));
  return most;
}

Cutting training_cut(const Job& job, std::int64_t micro_batch) {
  return {.tokens = as_double(micro_batch) / as_double(job.train.cp),
          .tp = as_double(job.train.tp),
          .etp = as_double(job.train.etp),
          .ep = as_double(job.train.ep),
          .cut_experts = experts_are_cut(train_degrees(job)),
          .sequence_parallel = job.train.sequence_parallel,
          .element_bytes = as_double(bytes_per_element(job.model.dtype))};
}

/// Where parameters are fully sharded: bytes of units that are put together, beside a layer at work and around the head
/// (or a tied embedding), which is the largest. A unit is gathered ahead of its use, by way of a buffer of its own
/// size; in a backward its gradients lie beside it, and beside these the buffer of their sum.
struct Gathered {
  double beside_layer = 0, around_head = 0;
};
Gathered gathered_bytes(const ModelFacts& facts, const Job& job, bool with_gradients) {
  if (job.train.fsdp == 0) return {};
  Degrees whole = train_degrees(job);
  whole.fsdp = 0;
  const auto elements_of = [&](const std::vector<Parameter>& parameters, const auto& is_wanted) {
    double elements = 0;
    for (const Parameter& parameter : parameters)
      if (is_wanted(parameter)) elements += as_double(box_of(facts, parameter, whole, {}).numel());
    return elements;
  };
  const double value = as_double(bytes_per_element(job.model.dtype)),
               gradient = as_double(bytes_per_element(job.train.grad_dtype));
  const double layer =
      elements_of(layer_parameters(facts, facts.num_layers - 1), [](const Parameter&) { return true; });
  const double head = elements_of(outer_parameters(facts), [&](const Parameter& parameter) {
    return parameter.is_after_layers || facts.tied_embeddings;
  });
  if (with_gradients)
    return {.beside_layer = layer * (2 * value + 2 * gradient),
            .around_head = head * (value + 2 * gradient) + layer * value};
  return {.beside_layer = (head + layer) * value, .around_head = 2 * head * value + layer * value};
}

/// What a backward works with, of one token in the largest of these layers: what it makes again and its gradients.
/// Where one half of a layer is made again, its two halves have their turns one after another.
double working_elements(const ModelFacts& facts, const std::vector<std::int64_t>& layers, const Cutting& cut,
                        Recompute recompute) {
  if (recompute == Recompute::none) return largest_layer(facts, layers, cut);
  if (recompute == Recompute::full) return 2 * largest_layer(facts, layers, cut);
  double most = 0;
  for (const std::int64_t layer : layers) {
    const LayerKind kind = layer_kind(facts, layer);
    const double mixing = kept_elements(facts, {kind.mixer, FeedForward::none}, cut, Recompute::none),
                 feeding = kept_elements(facts, {Mixer::none, kind.feed_forward}, cut, Recompute::none);
    most = std::max(
        {most, mixing * (recompute == Recompute::attention ? 2 : 1), feeding * (recompute == Recompute::mlp ? 2 : 1)});
  }
  return most;
}

/// Of the layers' mixers the one that makes most of one token.
double largest_mixer(const ModelFacts& facts, const std::vector<std::int64_t>& layers, const Cutting& cut) {
  double most = 0;
  for (const std::int64_t layer : layers)
    most = std::max(most, mixer_elements(facts, layer_kind(facts, layer).mixer, cut));
  return most;
}

/// Context parallelism: bytes of keys and values of all ranks, of the heads that are gathered at once. A forward has
/// the keys, the values and what the values were gathered in, a backward keys, values and their gradients; while some
/// heads are at work the next are on their way. source: parallel/context.cpp.
double context_bytes(const ModelFacts& facts, const Job& job, const Cutting& cut, bool is_backward) {
  if (job.train.cp == 1) return 0;
  const double keys = cut.tokens * as_double(job.train.cp);
  const bool is_latent = facts.kv_lora_rank > 0;  // decompressed before it is gathered, values as wide as keys
  const std::int64_t own_heads =
      (is_latent ? query_heads_of(facts, job.train.tp, 0) : kv_heads_of(facts, job.train.tp, 0)).size();
  const std::int64_t width = std::max(facts.head_dim, facts.v_head_dim);
  const std::int64_t heads =
      context_heads(static_cast<std::int64_t>(keys), own_heads, width, static_cast<std::int64_t>(cut.element_bytes));
  const double copies = heads < own_heads ? (is_backward ? 6 : 4) : (is_backward ? 4 : 3);
  return copies * keys * as_double(heads * width) * cut.element_bytes;
}

/// A running sample's state in every Mamba layer: what a cache is to attention, but of one size. Bytes.
double scan_states(const ModelFacts& facts, const Job& job) {
  const auto layers = std::count(facts.layer_pattern.begin(), facts.layer_pattern.end(), 'M');
  const std::int64_t inner = facts.mamba_num_heads * facts.mamba_head_dim;
  const std::int64_t convolved = inner + 2 * facts.mamba_num_groups * facts.mamba_state_size;
  const std::int64_t state = inner * facts.mamba_state_size + convolved * facts.mamba_conv_kernel;
  return as_double(layers * state * job.gen.max_running_samples) * 2 / as_double(job.gen.tp);
}

/// `each`: bytes of one logit.
std::int64_t chunk_bytes(const ModelFacts& facts, const Job& job, const Cutting& cut, std::int64_t stage, double each) {
  if (stage != job.train.pp - 1) return 0;
  const double rows = std::min(cut.tokens, as_double(job.train.logprob_chunk_tokens));
  return static_cast<std::int64_t>(rows * as_double(facts.vocab_size) / cut.tp * each);
}

}  // namespace

std::int64_t context_heads(std::int64_t num_keys, std::int64_t num_kv_heads, std::int64_t head_dim,
                           std::int64_t element_bytes, std::int64_t at_once_bytes) {
  const std::int64_t head_bytes = std::max<std::int64_t>(1, num_keys * head_dim * element_bytes);
  return std::clamp<std::int64_t>(at_once_bytes / head_bytes, 1, num_kv_heads);
}

std::int64_t most_in_flight(const Job& job, std::int64_t stage) {
  const std::int64_t pp = job.train.pp, vpp = job.train.vpp;
  if (pp == 1) return 1;
  const std::int64_t samples = std::max<std::int64_t>(1, update_samples(job) / job.train.dp);
  const std::int64_t batches = (samples + job.train.mbs - 1) / job.train.mbs;
  // The steady state is reached within two rounds.
  const PipelineSchedule schedule = make_schedule(pp, vpp, std::min(batches, 2 * pp));
  std::int64_t now = 0, most = 0;
  for (const Work& work : schedule.work) {
    if (work.stage != stage) continue;
    now += work.pass == Pass::forward ? 1 : -1;
    most = std::max(most, now);
  }
  return most;
}

Activations training_activations(const ModelFacts& facts, const Job& job, std::int64_t stage) {
  const Degrees degrees = train_degrees(job);
  const Cutting cut = training_cut(job, micro_batch_tokens(job));
  const std::vector<std::int64_t> layers = layers_on(facts, degrees, stage);
  double kept = 0;
  for (const std::int64_t layer : layers)
    kept += kept_elements(facts, layer_kind(facts, layer), cut, job.train.recompute);
  const double in_flight = as_double(most_in_flight(job, stage)) / as_double(degrees.vpp);
  const double at_work = working_elements(facts, layers, cut, job.train.recompute);
  const double ends =
      stage == degrees.pp - 1 ? 3 * cut.stream(as_double(facts.hidden_size)) : 0;  // hidden, its gradient
  const double element = cut.tokens * cut.element_bytes;
  const Gathered gathered = gathered_bytes(facts, job, true);
  const double working = std::max(
      at_work * element, 2 * largest_mixer(facts, layers, cut) * element + context_bytes(facts, job, cut, true));
  return {.kept_bytes = static_cast<std::int64_t>((in_flight * kept + ends) * element +
                                                  std::max(working + gathered.beside_layer, gathered.around_head)),
          .logits_bytes = chunk_bytes(facts, job, cut, stage, 4 + cut.element_bytes)};
}

Activations scoring_activations(const ModelFacts& facts, const Job& job, std::int64_t stage) {
  const Degrees degrees = train_degrees(job);
  const Cutting cut = training_cut(job, logprob_batch_tokens(job));
  const double element = cut.tokens * cut.element_bytes;
  const Gathered gathered = gathered_bytes(facts, job, false);
  const std::vector<std::int64_t> layers = layers_on(facts, degrees, stage);
  const double working = std::max(largest_layer(facts, layers, cut) * element,
                                  largest_mixer(facts, layers, cut) * element + context_bytes(facts, job, cut, false));
  return {.kept_bytes = static_cast<std::int64_t>(2 * cut.stream(as_double(facts.hidden_size)) * element +
                                                  std::max(working + gathered.beside_layer, gathered.around_head)),
          .logits_bytes = chunk_bytes(facts, job, cut, stage, 4)};
}

Activations generating_activations(const ModelFacts& facts, const Job& job) {
  const Degrees degrees = gen_degrees(job);
  const Cutting cut{.tokens = as_double(job.gen.max_batch_tokens),
                    .tp = as_double(degrees.tp),
                    .etp = as_double(degrees.etp),
                    .ep = as_double(degrees.ep),
                    .cut_experts = experts_are_cut(degrees),
                    .element_bytes = job.gen.dtype == DataType::fp32 ? 4.0 : 2.0,
                    .keeps_latents = true};
  // Of the last stage, which has the logits; behind the first one the stream that arrived lies beside the layer.
  const double streams = degrees.pp > 1 ? 3 : 2;
  const double elements = largest_layer(facts, layers_on(facts, degrees, degrees.pp - 1), cut) +
                          streams * cut.stream(as_double(facts.hidden_size));
  // Logits in float32, and a copy where a filter sorts them; of the samples of one slot of the rotation.
  const std::int64_t slots = std::min(degrees.pp, divided_up(job.grpo.prompts_per_step, degrees.dp));
  const bool has_filter = job.sampling.top_k > 0 || job.sampling.top_p < 1;
  const double rows = as_double(divided_up(job.gen.max_running_samples, std::max<std::int64_t>(1, slots)));
  const double logits = rows * as_double(facts.vocab_size) / cut.tp * 4;
  return {.kept_bytes = static_cast<std::int64_t>(elements * cut.tokens * cut.element_bytes + scan_states(facts, job)),
          .logits_bytes = static_cast<std::int64_t>(logits * (has_filter ? 3 : 1))};
}

}  // namespace muster::spec
