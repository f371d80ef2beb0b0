// The parameters of a layer with its first experts alone, for counting. Within runtime/spec.
#pragma once

#include <vector>

#include "runtime/spec/parameters.h"

namespace muster::spec {

/// As layer_parameters; of the routed experts those below `most_experts`.
std::vector<Parameter> layer_list(const ModelFacts& facts, std::int64_t layer, std::int64_t most_experts);

}  // namespace muster::spec
