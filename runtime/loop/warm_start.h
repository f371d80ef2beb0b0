// The supervised start: a few updates on gold answers, stopped when sampled answers reach a reward; the same machinery
// as GRPO.
#pragma once

#include "runtime/loop/step.h"

namespace muster::loop {

/// collective: world. Leaves the generator with the newest weights and the optimizer fresh.
void warm_start(RankContext& context, Policy& policy, const data::Tokenizer& tokenizer, Step& step,
                const std::vector<std::int32_t>& stop_tokens, log::Records* records);
/// Mean reward of one sample for each of `count` prompts, drawn apart from those of the run. collective: world.
double measured_reward(RankContext& context, const data::Tokenizer& tokenizer, Step& step, std::int64_t count,
                       std::int64_t draw);

}  // namespace muster::loop
