// Letters: B prompts, G samples of a prompt.
#include "runtime/grpo/advantages.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::grpo {
namespace {

constexpr std::int64_t kNobody = -1;

struct Statistics {
  double mean = 0;
  double deviation = 0;  // unbiased; 0 of a single value
};

/// Over the group without sample `left_out`. Differences are taken from one of the values, so that equal rewards give
/// exactly 0.
Statistics statistics_of(const float* rewards_G, std::int64_t num_samples, std::int64_t left_out) {
  const double pivot = rewards_G[left_out == 0 ? 1 : 0];
  double sum = 0;
  double count = 0;
  for (std::int64_t g = 0; g < num_samples; ++g) {
    if (g == left_out) continue;
    sum += rewards_G[g] - pivot;
    ++count;
  }
  const double mean = sum / count;
  double squares = 0;
  for (std::int64_t g = 0; g < num_samples; ++g) {
    if (g == left_out) continue;
    const double difference = rewards_G[g] - pivot - mean;
    squares += difference * difference;
  }
  return {.mean = pivot + mean, .deviation = count > 1 ? std::sqrt(squares / (count - 1)) : 0};
}

}  // namespace

at::Tensor group_advantages(const at::Tensor& rewards_BG, spec::Baseline baseline, bool normalize, double eps) {
  if (baseline == spec::Baseline::none) return rewards_BG.clone();
  const std::int64_t num_samples = rewards_BG.size(1);
  if (num_samples < 2) {
    throw Error::user({.what = base::text("a group of ", num_samples, " sample has no advantage over itself"),
                       .where = "grpo.samples_per_prompt",
                       .fix = "take 2 samples of a prompt or more"});
  }
  const at::Tensor rewards = rewards_BG.to(at::kCPU, at::kFloat).contiguous();
  at::Tensor advantages = at::empty_like(rewards);
  for (std::int64_t b = 0; b < rewards.size(0); ++b) {
    const float* rewards_G = rewards.const_data_ptr<float>() + b * num_samples;
    float* advantages_G = advantages.mutable_data_ptr<float>() + b * num_samples;
    Statistics group;
    if (baseline == spec::Baseline::mean) group = statistics_of(rewards_G, num_samples, kNobody);
    for (std::int64_t g = 0; g < num_samples; ++g) {
      if (baseline == spec::Baseline::leave_one_out) group = statistics_of(rewards_G, num_samples, g);
      const double divisor = normalize && group.deviation > 0 ? group.deviation + eps : 1;
      advantages_G[g] = static_cast<float>((rewards_G[g] - group.mean) / divisor);
    }
  }
  return advantages.to(rewards_BG.device());
}

std::vector<double> whitened(const std::vector<double>& advantages, const std::vector<std::int64_t>& tokens) {
  constexpr double kLeastVariance = 1e-8;
  INVARIANT(advantages.size() == tokens.size(), "each advantage has its tokens");
  double count = 0, sum = 0, squares = 0;
  for (std::size_t s = 0; s < tokens.size(); ++s) {
    count += static_cast<double>(tokens[s]);
    sum += static_cast<double>(tokens[s]) * advantages[s];
  }
  if (count == 0) return advantages;
  const double mean = sum / count;
  for (std::size_t s = 0; s < tokens.size(); ++s)
    squares += static_cast<double>(tokens[s]) * (advantages[s] - mean) * (advantages[s] - mean);
  const double divisor = std::sqrt(std::max(kLeastVariance, squares / count));
  std::vector<double> white = advantages;
  for (std::size_t s = 0; s < tokens.size(); ++s)
    if (tokens[s] > 0) white[s] = (advantages[s] - mean) / divisor;
  return white;
}

}  // namespace muster::grpo
