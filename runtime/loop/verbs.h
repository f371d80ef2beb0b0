// What ranks do when they were started for a verb of muster-runtime instead of steps; and the verbs that need tensors
// but no other rank.
#pragma once

#include <filesystem>

#include "runtime/loop/context.h"

namespace muster::loop {

/// job.verb.kind over the rows of job.verb.input; rank 0 writes job.verb.output.
/// score: {"id", "logprobs"} of every token but the first. generate: {"id", "tokens", "logprobs", "text", "finish"}.
/// gradients: safetensors, fp32, of the mean negative log-probability of all predicted tokens.
/// collective: world.
void run_verb(RankContext& context);

/// `inspect`: one JSON object on stdout. Opens config.json and the header of every weight file.
/// throws: Error::user naming each weight that is missing or of another shape.
int inspect_model(const std::filesystem::path& folder);

}  // namespace muster::loop
