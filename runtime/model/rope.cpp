// Rotations by position. Letters: P positions, E head width.
#include "runtime/model/rope.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace muster::model {
namespace {

at::Tensor llama3_speeds(const spec::ModelFacts& facts, const at::Tensor& speeds) {
  const double low = facts.rope_low_freq_factor, high = facts.rope_high_freq_factor;
  // Turns that the pair makes within the positions of the first training: few turns are slowed, many are kept.
  const at::Tensor turns = static_cast<double>(facts.rope_original_positions) / (2.0 * std::numbers::pi / speeds);
  const at::Tensor share_kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
  return (1.0 - share_kept) * (speeds / facts.rope_factor) + share_kept * speeds;
}

std::int64_t turned_width(const spec::ModelFacts& facts) {
  return facts.kv_lora_rank > 0 ? facts.qk_rope_head_dim : facts.head_dim;
}

/// The pair, as a number with a fraction, that makes `turns` turns within the positions of the first training.
double pair_of_turns(const spec::ModelFacts& facts, double turns) {
  const auto positions = static_cast<double>(facts.rope_original_positions);
  return static_cast<double>(turned_width(facts)) * std::log(positions / (turns * 2 * std::numbers::pi)) /
         (2 * std::log(facts.rope_theta));
}

at::Tensor yarn_speeds(const spec::ModelFacts& facts, const at::Tensor& speeds) {
  double first = pair_of_turns(facts, facts.rope_beta_fast), last = pair_of_turns(facts, facts.rope_beta_slow);
  if (facts.rope_truncate) first = std::floor(first), last = std::ceil(last);
  first = std::max(first, 0.0);
  last = std::min(last, static_cast<double>(turned_width(facts) - 1));
  if (first == last) last += 0.001;
  const at::Tensor share_slowed =
      ((at::arange(turned_width(facts) / 2, at::kFloat) - first) / (last - first)).clamp(0.0, 1.0);
  return share_slowed * (speeds / facts.rope_factor) + (1.0 - share_slowed) * speeds;
}

/// Radians a position of each pair of elements, [E/2].
at::Tensor speeds_of(const spec::ModelFacts& facts) {
  const std::int64_t width = turned_width(facts);
  const at::Tensor exponents = at::arange(0, width, 2, at::kFloat) / static_cast<double>(width);
  at::Tensor speeds = 1.0 / at::pow(facts.rope_theta, exponents);
  if (facts.rope_linear) return speeds / facts.rope_factor;
  if (facts.rope_llama3) return llama3_speeds(facts, speeds);
  if (facts.rope_yarn) return yarn_speeds(facts, speeds);
  return speeds;
}

double yarn_scale(const spec::ModelFacts& facts, double mscale) {
  return facts.rope_factor <= 1 ? 1.0 : 0.1 * mscale * std::log(facts.rope_factor) + 1;
}

/// By what cosines and sines are multiplied, so that scores keep their size when frequencies are slowed.
double attention_factor(const spec::ModelFacts& facts) {
  if (!facts.rope_yarn) return 1;
  if (facts.rope_attention_factor > 0) return facts.rope_attention_factor;
  const bool has_both = facts.rope_mscale > 0 && facts.rope_mscale_all_dim > 0;  // one alone does not count
  return has_both ? yarn_scale(facts, facts.rope_mscale) / yarn_scale(facts, facts.rope_mscale_all_dim)
                  : yarn_scale(facts, 1);
}

}  // namespace

double latent_score_factor(const spec::ModelFacts& facts) {
  if (!facts.rope_yarn || facts.rope_mscale_all_dim == 0) return 1;
  return std::pow(yarn_scale(facts, facts.rope_mscale_all_dim), 2);
}

ops::RopeTable make_rope_table(const spec::ModelFacts& facts, std::int64_t num_positions, at::Device device) {
  const at::Tensor angles_PE2 = at::outer(at::arange(num_positions, at::kFloat), speeds_of(facts));
  const double factor = attention_factor(facts);
  const auto scaled = [&](const at::Tensor& table_PE2) {
    return (factor == 1 ? table_PE2 : table_PE2 * factor).to(device);
  };
  return {scaled(angles_PE2.cos()), scaled(angles_PE2.sin())};
}

}  // namespace muster::model
