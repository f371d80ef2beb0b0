// Rotations by position. Letters: P positions, E head width.
#include "runtime/model/rope.h"

#include <ATen/ATen.h>

#include <numbers>

namespace muster::model {
namespace {

/// Radians a position of each pair of elements, [E/2].
at::Tensor speeds_of(const spec::ModelFacts& facts) {
  const at::Tensor exponents = at::arange(0, facts.head_dim, 2, at::kFloat) / static_cast<double>(facts.head_dim);
  at::Tensor speeds = 1.0 / at::pow(facts.rope_theta, exponents);
  if (!facts.rope_llama3) return speeds;
  const double low = facts.rope_low_freq_factor, high = facts.rope_high_freq_factor;
  // Turns that the pair makes within the positions of the first training: few turns are slowed, many are kept.
  const at::Tensor turns = static_cast<double>(facts.rope_original_positions) / (2.0 * std::numbers::pi / speeds);
  const at::Tensor share_kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
  return (1.0 - share_kept) * (speeds / facts.rope_factor) + share_kept * speeds;
}

}  // namespace

ops::RopeTable make_rope_table(const spec::ModelFacts& facts, std::int64_t num_positions, at::Device device) {
  const at::Tensor angles_PE2 = at::outer(at::arange(num_positions, at::kFloat), speeds_of(facts));
  return {angles_PE2.cos().to(device), angles_PE2.sin().to(device)};
}

}  // namespace muster::model
