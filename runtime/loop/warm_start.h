// The supervised start: a few updates on gold answers, stopped when sampled answers reach a reward; the same machinery
// as GRPO.
#pragma once

#include "runtime/loop/session.h"

namespace muster::loop {

/// Updates the policy on gold answers. Leaves the generator with the newest weights and the optimizer fresh.
/// collective: world.
void warm_start(Session& session);
/// Mean reward of one sample for each of `count` prompts, drawn apart from those of the run. collective: world.
double measured_reward(Session& session, std::int64_t count, std::int64_t draw);

}  // namespace muster::loop
