// A small plan for a verb: ranks of this machine that load a model, do one thing and leave. The same plan, agent and
// ranks as those of a run, so that any layout of a run is a layout of a verb.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "runtime/spec/plan.h"

namespace muster::node {

struct VerbRequest {
  std::string kind;                                       // score, generate, gradients
  std::filesystem::path model;                            // Hugging Face folder
  std::int64_t ranks = 0;                                 // 0: as many as the degrees need
  std::vector<std::pair<std::string, std::string>> keys;  // of the job as typed: {"train.tp", "3"}
  std::int64_t max_sequence_tokens = 0;                   // of the longest row, with what is to be generated
  std::int64_t num_rows = 1;
};

/// Degrees that are not given follow: what one role is given holds for the other, dp takes the rest of the ranks.
/// `facts` are the model's. Paths of the plan are left to the caller. throws: Error::user with every fault, by the
/// words that were typed.
spec::Plan plan_verb(const VerbRequest& request, const spec::ModelFacts& facts);

}  // namespace muster::node
