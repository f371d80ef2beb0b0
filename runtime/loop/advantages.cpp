// The groups of a rollout one by one; the formulas are those of runtime/grpo.
#include "runtime/loop/advantages.h"

#include <ATen/ATen.h>

#include "runtime/grpo/grpo.h"

namespace muster::loop {

std::vector<double> advantages(const Rollout& rollout, const spec::GrpoJob& grpo,
                               const std::vector<double>& penalties) {
  std::vector<double> all(rollout.samples.size(), 0);
  const auto num_samples = static_cast<std::size_t>(rollout.samples_per_prompt);
  for (std::size_t begin = 0; begin < all.size(); begin += num_samples) {
    std::vector<std::size_t> graded;
    std::vector<float> rewards;
    for (std::size_t s = begin; s < begin + num_samples; ++s) {
      if (rollout.samples[s].outcome != Outcome::graded) continue;
      graded.push_back(s);
      rewards.push_back(static_cast<float>(rollout.samples[s].reward - (penalties.empty() ? 0 : penalties[s])));
    }
    if (graded.empty() || (graded.size() < 2 && grpo.baseline != spec::Baseline::none)) continue;
    const at::Tensor group =
        grpo::group_advantages(at::tensor(rewards).unsqueeze(0), grpo.baseline, grpo.normalize, grpo.advantage_eps);
    for (std::size_t i = 0; i < graded.size(); ++i) all[graded[i]] = group.data_ptr<float>()[i];
  }
  if (!grpo.whiten) return all;
  std::vector<std::int64_t> tokens;
  for (const GradedSample& one : rollout.samples)
    tokens.push_back(one.outcome == Outcome::graded ? std::ssize(one.sample.tokens) : 0);
  return grpo::whitened(all, tokens);
}

}  // namespace muster::loop
