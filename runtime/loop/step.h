// One GRPO step in reading order, colocated or split: which rank does what follows from the roles that the plan gives
// it.
#pragma once

#include "runtime/loop/session.h"
#include "runtime/spec/step_record.h"

namespace muster::loop {

/// generate, grade, advantages, train, refit, checkpoint where one is due, log. collective: world.
spec::StepRecord run_step(Session& session, std::int64_t step);

}  // namespace muster::loop
