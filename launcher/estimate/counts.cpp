// Counts of a step, by role: the generator's replica, the trainer's rank, and what moves between them.
#include "launcher/estimate/counts.h"

#include <algorithm>
#include <cmath>

#include "launcher/plan/links.h"
#include "runtime/spec/memory.h"
#include "runtime/spec/parameters.h"
#include "runtime/spec/schedule.h"

namespace muster::estimate {
namespace {

/// Rows are not packed to the last token.
constexpr double kPackedShare = 0.95;
constexpr double kActivation_bytes = 2;

double as_double(std::int64_t count) { return static_cast<double>(count); }

struct Axes {
  const std::vector<plan::AxisLinks> links;
  const cluster::Cluster& cluster;

  const plan::AxisLinks* find(const std::string& role, spec::Axis axis) const {
    for (const plan::AxisLinks& one : links)
      if (role == one.role && one.axis == axis) return &one;
    return nullptr;
  }
  bool is_far(const std::string& role, spec::Axis axis) const {
    const plan::AxisLinks* found = find(role, axis);
    return found != nullptr && found->slowest() > plan::Link::domain;
  }
  /// Seconds of `bytes` over the slowest link of an axis; 0 where it has no group or the link is not known.
  double seconds(const std::string& role, spec::Axis axis, double bytes) const {
    const plan::AxisLinks* found = find(role, axis);
    const double rate = found == nullptr ? 0 : plan::link_gb_per_s(found->slowest(), cluster) * 1e9;
    return rate > 0 ? bytes / rate : 0;
  }
};

double peak_of(const cluster::GpuFacts& gpu, bool is_fp8) {
  return 1e12 * (is_fp8 && gpu.fp8_tflops > 0 ? gpu.fp8_tflops : gpu.bf16_tflops);
}

std::int64_t layers_with_experts(const spec::ModelFacts& facts) {
  std::int64_t count = 0;
  for (std::int64_t layer = 0; layer < facts.num_layers; ++layer)
    count += spec::layer_kind(facts, layer).feed_forward == spec::FeedForward::experts ? 1 : 0;
  return count;
}

DecodeCounts decode_counts(const spec::Plan& plan, const cluster::Cluster& cluster, const Axes& axes,
                           const Lengths& lengths) {
  const spec::Job& job = plan.job;
  const spec::ModelFacts& facts = plan.model;
  DecodeCounts counts;
  counts.samples = std::ceil(as_double(spec::samples_per_step(job)) / as_double(plan.generate.dp));
  // An asynchronous job may have the samples of several steps under way.
  counts.running = std::min(counts.samples, as_double(job.gen.max_running_samples));
  counts.cache_bytes = as_double(spec::kv_page_bytes(facts, job)) / as_double(job.gen.page_tokens);
  if (plan.kv_pages > 0) {
    const double held = as_double(plan.kv_pages * job.gen.page_tokens) / (lengths.prompt_tokens + lengths.mean_tokens);
    counts.running = std::clamp(held, 1.0, counts.running);
  }
  counts.layers = as_double(facts.num_layers);
  const double element_bytes = as_double(spec::bytes_per_element(job.gen.dtype));
  const spec::Elements elements = spec::local_elements(facts, plan.generate, {});
  counts.dense_bytes = as_double(elements.dense) * element_bytes * as_double(plan.generate.pp);
  counts.expert_bytes = as_double(elements.experts) * element_bytes * as_double(plan.generate.pp);
  if (facts.num_experts > 0) counts.chosen_share = as_double(facts.experts_per_token) / as_double(facts.num_experts);
  // Stages work at the same time, on other samples.
  counts.flops = 2 * as_double(spec::active_parameter_count(facts)) / as_double(plan.generate.tp * plan.generate.pp);
  counts.peak_flops_per_s = peak_of(cluster.gpu, job.gen.dtype == spec::DataType::fp8);
  counts.is_far = axes.is_far("gen", spec::Axis::tp) || axes.is_far("gen", spec::Axis::ep);
  return counts;
}

PassCounts pass_counts(const spec::Plan& plan, const Axes& axes, const Lengths& lengths, std::int64_t batch_tokens,
                       spec::Passes passes) {
  const spec::Job& job = plan.job;
  const spec::ModelFacts& facts = plan.model;
  const spec::Degrees& degrees = plan.train;
  PassCounts counts;
  const double sample_tokens = lengths.prompt_tokens + lengths.mean_tokens;
  const double share_samples = as_double(spec::update_samples(job)) / as_double(degrees.dp);
  const double rows = as_double(batch_tokens) / as_double(job.grpo.max_sequence_tokens);
  counts.micro_batches = job.packing.enabled ? share_samples * sample_tokens / (kPackedShare * as_double(batch_tokens))
                                             : share_samples / std::max(1.0, rows);
  counts.micro_batches = std::max(1.0, std::ceil(counts.micro_batches));
  counts.idle_share = spec::idle_share(
      spec::make_schedule(degrees.pp, degrees.vpp, static_cast<std::int64_t>(counts.micro_batches), passes));
  const double tokens = as_double(spec::samples_per_step(job)) * sample_tokens / as_double(degrees.dp * degrees.cp);
  const double layers = as_double(facts.num_layers) / as_double(degrees.pp);
  counts.layers = layers;
  counts.expert_layers = as_double(layers_with_experts(facts)) / as_double(degrees.pp);
  const double row_bytes = as_double(facts.hidden_size) * kActivation_bytes;
  // Two sums a layer, each a reduction and a gathering of all but the rank's own part.
  const double tp = as_double(degrees.tp), ep = as_double(degrees.ep);
  counts.tp_s = axes.seconds("train", spec::Axis::tp, 2 * layers * tokens * row_bytes * 2 * (tp - 1) / tp);
  // Each token to its experts and back; the ranks of tp share the tokens out.
  counts.ep_s = axes.seconds(
      "train", spec::Axis::ep,
      2 * counts.expert_layers * tokens / tp * as_double(facts.experts_per_token) * row_bytes * (ep - 1) / ep);
  return counts;
}

}  // namespace

std::optional<StepCounts> step_counts(const spec::Plan& plan, const cluster::Cluster& cluster, Lengths lengths) {
  const spec::Job& job = plan.job;
  const spec::ModelFacts& facts = plan.model;
  if (cluster.gpu.memory_gb_per_s <= 0 || cluster.gpu.bf16_tflops <= 0 || facts.num_layers == 0) return std::nullopt;
  const Axes axes{plan::axis_links(plan), cluster};
  const double longest = as_double(spec::max_new_tokens(job));
  lengths.most_tokens = lengths.most_tokens > 0 ? lengths.most_tokens : longest;
  lengths.mean_tokens = std::min(lengths.mean_tokens, lengths.most_tokens);
  StepCounts counts;
  counts.lengths = lengths;
  // The formula is a t + b t^2 for t tokens: two of its values give both.
  const double once = spec::training_flops(facts, 1), twice = spec::training_flops(facts, 2);
  counts.squared_flops = (twice - 2 * once) / 2;
  counts.token_flops = once - counts.squared_flops;
  counts.is_split = job.placement.mode == spec::PlacementMode::split;
  counts.is_async = job.async.enabled;
  counts.samples = as_double(spec::samples_per_step(job));
  counts.gpus = as_double(std::ssize(plan.ranks));
  counts.updates = as_double(spec::updates_per_step(job));
  counts.memory_bytes_per_s = cluster.gpu.memory_gb_per_s * 1e9;
  counts.train_peak_flops_per_s = peak_of(cluster.gpu, job.train.fp8);
  counts.decode = decode_counts(plan, cluster, axes, lengths);
  counts.train = pass_counts(plan, axes, lengths, spec::micro_batch_tokens(job), spec::Passes::forward_and_backward);
  counts.score = pass_counts(plan, axes, lengths, spec::logprob_batch_tokens(job), spec::Passes::forward);
  counts.scoring_passes = (job.loss.force_on_policy ? 0 : 1) + (spec::uses_reference(job) ? 1 : 0);
  counts.again_share = job.train.recompute == spec::Recompute::full   ? 1
                       : job.train.recompute == spec::Recompute::none ? 0
                                                                      : 0.5;
  counts.train_ranks = as_double(plan.train.ranks());
  const spec::Elements elements = spec::local_elements(facts, plan.train, {});
  // Gradients in fp32 or as asked are reduced, weights in 2 bytes gathered.
  const double update_bytes = as_double(spec::bytes_per_element(job.train.grad_dtype)) + 2;
  const spec::Axis replicas = axes.find("train", spec::Axis::dp_cp) != nullptr ? spec::Axis::dp_cp : spec::Axis::dp;
  counts.gradient_s = axes.seconds("train", replicas, as_double(elements.dense) * update_bytes);
  counts.overlaps_gradients = job.train.overlap_grad_reduce;
  const double gen_bytes = counts.decode.dense_bytes + counts.decode.expert_bytes;
  counts.refit_bytes = std::max(gen_bytes, 2 * as_double(elements.total()));
  if (!counts.is_split) counts.move_bytes = 2 * as_double(spec::predicted_memory(facts, job, true, false).total());
  return counts;
}

}  // namespace muster::estimate
