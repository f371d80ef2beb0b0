// Figures of a step over all ranks: seconds of the phases, memory, what moved; and the rates that follow.
#pragma once

#include "runtime/loop/policy.h"
#include "runtime/spec/step_record.h"

namespace muster::loop {

void add_refit_figures(spec::StepRecord& record, const refit::RefitFigures& figures);
/// Phase seconds of this rank, the slowest rank of each phase, memory by owner over all ranks, rates. collective:
/// world.
void add_rank_figures(spec::StepRecord& record, RankContext& context, Policy& policy);

}  // namespace muster::loop
