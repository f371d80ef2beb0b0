// Which changes of a job make its plan fit the memory of its GPUs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/cluster/cluster.h"
#include "runtime/spec/plan.h"

namespace muster::plan {

/// A change of the job and the largest phase that results, 10^9 bytes.
struct Fix {
  std::string change;
  double largest_gb = 0;
};
/// The cheapest changes after which every phase fits: single ones, at most `count`; where there is none, one set of
/// several, as small as it can be.
std::vector<Fix> suggest_fixes(const spec::Plan& plan, const cluster::Cluster& cluster, std::size_t count);

/// Bytes of a GPU; 0 where it is not known.
std::int64_t device_bytes(const spec::Plan& plan);

}  // namespace muster::plan
