// What stands in for the other ranks of a rehearsal: the samples that all would have told each other.
#pragma once

#include <vector>

#include "runtime/loop/rollout.h"
#include "runtime/spec/answer_lengths.h"
#include "runtime/spec/job.h"

namespace muster::rehearsal {

/// All samples of the rollout's prompts: tokens are 0, their number is that of `lengths` as far as the job allows,
/// rewards are random.
std::vector<loop::GradedSample> samples_of_all(const spec::Job& job, const spec::AnswerLengths& lengths,
                                               const loop::Rollout& rollout, std::int64_t draw,
                                               std::int64_t weight_version);

}  // namespace muster::rehearsal
