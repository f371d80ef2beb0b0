// The model of a step. Decoding follows the shrinking batch until the last answer ends; training counts true lengths.
#include "launcher/estimate/seconds.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace muster::estimate {
namespace {

constexpr std::size_t kClasses = 64;

/// The normal quantiles at (i + 1/2) / kClasses, by bisection of the distribution.
const std::array<double, kClasses>& normal_quantiles() {
  static const std::array<double, kClasses> quantiles = [] {
    std::array<double, kClasses> found{};
    for (std::size_t i = 0; i < kClasses; ++i) {
      const double wanted = (static_cast<double>(i) + 0.5) / kClasses;
      double low = -8, high = 8;
      for (int step = 0; step < 60; ++step) {
        const double middle = (low + high) / 2;
        (0.5 * std::erfc(-middle / std::sqrt(2.0)) < wanted ? low : high) = middle;
      }
      found[i] = low;
    }
    return found;
  }();
  return quantiles;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// All samples at once, each leaving where it ends; of more samples than run at once the later ones wait their turn, so
/// that the batch is full until the last `running` of them are left.
double draining_s(const StepCounts& counts, const Coefficients& coefficients, const std::vector<double>& lengths) {
  const DecodeCounts& decode = counts.decode;
  const double mean = mean_of(lengths), prompt = counts.lengths.prompt_tokens;
  double seconds = 0;
  if (decode.samples > decode.running)
    seconds += (decode.samples - decode.running) * mean / decode.running *
               decode_pass_s(counts, coefficients, decode.running, prompt + mean / 2);
  double before = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const double left = decode.running * static_cast<double>(lengths.size() - i) / static_cast<double>(lengths.size());
    const double passes = lengths[i] - before;
    if (passes > 0)
      seconds += passes * decode_pass_s(counts, coefficients, std::max(1.0, left), prompt + (before + lengths[i]) / 2);
    before = lengths[i];
  }
  return seconds;
}

/// An asynchronous generator puts a new sample in the place of one that ends: its batch is always full.
double steady_s(const StepCounts& counts, const Coefficients& coefficients, const std::vector<double>& lengths) {
  double squares = 0;
  for (const double length : lengths) squares += length * length;
  const double mean = mean_of(lengths);
  const double context = counts.lengths.prompt_tokens + squares / static_cast<double>(lengths.size()) / mean / 2;
  return counts.decode.samples * mean / counts.decode.running *
         decode_pass_s(counts, coefficients, counts.decode.running, context);
}

/// FLOPs of all samples, forward and backward.
double training_flops_of(const StepCounts& counts, const std::vector<double>& lengths) {
  double flops = 0;
  for (const double length : lengths) {
    const double tokens = counts.lengths.prompt_tokens + length;
    flops += tokens * counts.token_flops + tokens * tokens * counts.squared_flops;
  }
  return flops * counts.samples / static_cast<double>(lengths.size());
}

/// Of all updates' passes: `forwards` in units of a forward pass of FLOPs and experts, `sends` of bytes.
double passes_s(const StepCounts& counts, const Coefficients& coefficients, const PassCounts& pass, double flops,
                double forwards, double sends) {
  const double rate = counts.train_peak_flops_per_s * coefficients.compute_share * counts.train_ranks;
  const double products_s = forwards * flops / 3 / rate;
  const double links_s = sends * (pass.tp_s + pass.ep_s) / coefficients.link_share;
  const double layer_ms = pass.layers * coefficients.layer_pass_ms + pass.expert_layers * coefficients.expert_pass_ms;
  const double launches_s = sends * counts.updates * pass.micro_batches * layer_ms / 1e3;
  return (products_s + links_s + launches_s) / (1 - pass.idle_share);
}

double training_s(const StepCounts& counts, const Coefficients& coefficients, double flops) {
  const double again = counts.again_share;
  const double work_s = passes_s(counts, coefficients, counts.train, flops, 3 + again, 2 + again);
  const double sums_s = counts.updates * counts.gradient_s / coefficients.link_share;
  // Overlapped, sums hide behind backward passes, which are half of the work or more.
  return work_s + (counts.overlaps_gradients ? std::max(0.0, sums_s - work_s / 2) : sums_s);
}

}  // namespace

std::vector<double> answer_lengths(const Lengths& lengths, double spread) {
  std::vector<double> values(kClasses);
  double scale = lengths.mean_tokens;
  for (int round = 0; round < 30; ++round) {
    for (std::size_t i = 0; i < kClasses; ++i)
      values[i] = std::min(lengths.most_tokens, scale * std::exp(spread * normal_quantiles()[i]));
    const double found = mean_of(values);
    if (std::abs(found / lengths.mean_tokens - 1) < 1e-4) break;
    scale *= std::min(4.0, lengths.mean_tokens / found);
  }
  return values;
}

double decode_pass_s(const StepCounts& counts, const Coefficients& coefficients, double batch, double context) {
  const DecodeCounts& decode = counts.decode;
  const double touched = 1 - std::pow(1 - decode.chosen_share, batch);
  const double bytes = decode.dense_bytes + touched * decode.expert_bytes + batch * context * decode.cache_bytes;
  const double far = decode.is_far ? coefficients.decode_far_factor : 1;
  return bytes / (coefficients.decode_bandwidth_share * counts.memory_bytes_per_s) +
         batch * decode.flops / (coefficients.compute_share * decode.peak_flops_per_s) +
         decode.layers * coefficients.decode_layer_us * 1e-6 * far + batch * coefficients.decode_sample_us * 1e-6;
}

StepSeconds step_seconds(const StepCounts& counts, const Coefficients& coefficients) {
  const std::vector<double> lengths = answer_lengths(counts.lengths, coefficients.length_spread);
  const double flops = training_flops_of(counts, lengths);
  StepSeconds seconds;
  seconds.prefill_s = counts.decode.samples * counts.lengths.prompt_tokens * counts.decode.flops /
                      (coefficients.compute_share * counts.decode.peak_flops_per_s);
  seconds.decode_s =
      counts.is_async ? steady_s(counts, coefficients, lengths) : draining_s(counts, coefficients, lengths);
  seconds.score_s = counts.scoring_passes * passes_s(counts, coefficients, counts.score, flops, 1, 1);
  seconds.train_s = training_s(counts, coefficients, flops);
  seconds.refit_s = counts.refit_bytes / (coefficients.move_gb_per_s * 1e9);
  seconds.move_s = counts.move_bytes / (coefficients.move_gb_per_s * 1e9);
  seconds.fixed_s = coefficients.fixed_s + counts.samples * coefficients.sample_ms / 1e3;
  const double generate = seconds.prefill_s + seconds.decode_s, train = seconds.score_s + seconds.train_s;
  seconds.waits_s = counts.is_async ? std::abs(generate - train) : 0;
  seconds.step_s = (counts.is_async ? std::max(generate, train) : generate + train) + seconds.refit_s + seconds.move_s +
                   seconds.fixed_s;
  seconds.sample_tokens = counts.lengths.prompt_tokens + mean_of(lengths);
  seconds.tokens_per_s_per_gpu = counts.samples * seconds.sample_tokens / seconds.step_s / counts.gpus;
  seconds.mfu = flops / (seconds.step_s * counts.gpus * counts.train_peak_flops_per_s);
  return seconds;
}

}  // namespace muster::estimate
