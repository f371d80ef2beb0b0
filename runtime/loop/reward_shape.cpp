#include "runtime/loop/reward_shape.h"

#include <algorithm>

#include "runtime/base/error.h"

namespace muster::loop {
namespace {

double scaled(const spec::RewardJob& reward, double sum) {
  if (reward.source_min == reward.target_min && reward.source_max == reward.target_max) return sum;
  const double share = (std::clamp(sum, reward.source_min, reward.source_max) - reward.source_min) /
                       (reward.source_max - reward.source_min);
  return reward.target_min + share * (reward.target_max - reward.target_min);
}

double shaping(const spec::Job& job, double reward, const AnswerLength& answer) {
  const spec::RewardJob& given = job.reward;
  if (given.overlong_buffer > 0) {
    const std::int64_t limit = given.overlong_limit > 0 ? given.overlong_limit : spec::max_new_tokens(job);
    const double over = static_cast<double>(answer.tokens - (limit - given.overlong_buffer)) /
                        static_cast<double>(given.overlong_buffer);
    return -given.overlong_penalty * std::clamp(over, 0.0, 1.0);
  }
  return answer.truncated ? reward * given.truncated_factor - reward : 0;
}

}  // namespace

ShapedReward shaped_reward(const spec::Job& job, const std::vector<double>& parts, const AnswerLength& answer) {
  const std::vector<spec::RewardPart> wanted = spec::reward_parts(job.reward);
  INVARIANT(parts.size() == wanted.size(), "each part of the reward was graded");
  double sum = 0;
  for (std::size_t p = 0; p < parts.size(); ++p) sum += wanted[p].weight * parts[p];
  const double reward = scaled(job.reward, sum), added = shaping(job, reward, answer);
  return {reward + added, added};
}

}  // namespace muster::loop
