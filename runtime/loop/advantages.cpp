// The groups of a rollout one by one; the formulas are those of runtime/grpo.
#include "runtime/loop/advantages.h"

#include <ATen/ATen.h>

#include "runtime/grpo/grpo.h"

namespace muster::loop {

std::vector<double> advantages(const Rollout& rollout, const spec::GrpoJob& grpo) {
  std::vector<double> all(rollout.samples.size(), 0);
  const auto num_samples = static_cast<std::size_t>(rollout.samples_per_prompt);
  for (std::size_t begin = 0; begin < all.size(); begin += num_samples) {
    std::vector<std::size_t> graded;
    std::vector<float> rewards;
    for (std::size_t s = begin; s < begin + num_samples; ++s) {
      if (rollout.samples[s].outcome != Outcome::graded) continue;
      graded.push_back(s);
      rewards.push_back(static_cast<float>(rollout.samples[s].reward));
    }
    if (graded.size() < 2) continue;
    const at::Tensor group =
        grpo::group_advantages(at::tensor(rewards).unsqueeze(0), grpo.baseline, grpo.normalize, grpo.advantage_eps);
    for (std::size_t i = 0; i < graded.size(); ++i) all[graded[i]] = group.data_ptr<float>()[i];
  }
  return all;
}

}  // namespace muster::loop
