// What ranks do when they were started for a verb of muster-runtime instead of steps.
#pragma once

#include "runtime/loop/context.h"

namespace muster::verbs {

/// job.verb.kind over the rows of job.verb.input; rank 0 writes job.verb.output.
/// score: {"id", "logprobs"} of every token but the first. generate: {"id", "tokens", "logprobs", "text", "finish"}.
/// gradients: safetensors, fp32, of the mean negative log-probability of all predicted tokens.
/// collective: world.
void run_verb(loop::RankContext& context);

}  // namespace muster::verbs
