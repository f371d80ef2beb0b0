// The forced lengths of a synthetic run, cut as the generator cuts them.
#include "runtime/rehearsal/stand_ins.h"

#include <algorithm>

namespace muster::rehearsal {

std::vector<loop::GradedSample> samples_of_all(const spec::Job& job, const spec::AnswerLengths& lengths,
                                               const loop::Rollout& rollout, std::int64_t draw,
                                               std::int64_t weight_version) {
  std::vector<loop::GradedSample> all;
  for (std::int64_t group = 0; group < std::ssize(rollout.prompts); ++group) {
    const std::int64_t room = job.grpo.max_sequence_tokens - std::ssize(rollout.prompts[group].tokens);
    for (std::int64_t index = 0; index < rollout.samples_per_prompt; ++index) {
      const std::int64_t length = lengths.of(job.seed, draw, group, index);
      const auto tokens = static_cast<std::size_t>(std::min({length, room, spec::max_new_tokens(job)}));
      const double reward = spec::random_reward(job.seed, weight_version, group, index);
      all.push_back({.sample = {.group = group,
                                .index = index,
                                .tokens = std::vector<std::int32_t>(tokens, 0),
                                .logprobs = std::vector<float>(tokens, 0.0F),
                                .raw_logprobs = std::vector<float>(tokens, 0.0F)},
                     .reward = reward,
                     .parts = {reward}});
    }
  }
  return all;
}

}  // namespace muster::rehearsal
