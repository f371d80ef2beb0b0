// From the rewards that graders gave to the one that the advantages are made of.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/spec/job.h"

namespace muster::loop {

/// What an answer is, as far as its length counts.
struct AnswerLength {
  std::int64_t tokens = 0;
  bool truncated = false;  // cut off at its limit
};

struct ShapedReward {
  double reward = 0;   // with the shaping
  double shaping = 0;  // what the length added
};

/// The weighted sum of `parts` (in the order of spec::reward_parts), clamped to source and mapped onto target; then
/// - with an overlong buffer: minus penalty x (tokens - (limit - buffer)) / buffer, between 0 and the whole penalty
///   (source: DAPO, arXiv:2503.14476, 3.4, soft overlong punishment);
/// - with a truncated factor: times that, where the answer was cut off.
ShapedReward shaped_reward(const spec::Job& job, const std::vector<double>& parts, const AnswerLength& answer);

}  // namespace muster::loop
