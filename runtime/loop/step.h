// One GRPO step in reading order, colocated or split: which rank does what follows from the roles that the plan gives
// it.
#pragma once

#include "runtime/loop/dynamic_sampling.h"
#include "runtime/loop/session.h"
#include "runtime/spec/step_record.h"

namespace muster::loop {

/// generate, grade, advantages, train, refit, checkpoint where one is due, log. `dynamic`: of a job with
/// grpo.dynamic_sampling, null in others. collective: world.
spec::StepRecord run_step(Session& session, std::int64_t step, DynamicSampling* dynamic);

/// The record of a step that ends now; its samples go to the records where this rank has them. collective: world.
spec::StepRecord step_record(Session& session, std::int64_t step, const Rollout& rollout, const TrainFigures& trained,
                             const refit::RefitFigures& moved);

}  // namespace muster::loop
