// Does the plan fit the memory of its GPUs and nodes.
#pragma once

#include <string>
#include <vector>

#include "launcher/cluster/cluster.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/toml_reader.h"

namespace muster::plan {

/// Fills plan.device_memory_gb and plan.kv_pages. A phase that exceeds the GPU is an error where weights and state
/// alone do, a warning where only the estimate of the rest does; each with the cheapest changes of the job that fit.
void check_memory(const cluster::Cluster& cluster, const spec::KeyPlaces& places, spec::Plan& plan,
                  base::Faults& faults, std::vector<std::string>& warnings);

}  // namespace muster::plan
