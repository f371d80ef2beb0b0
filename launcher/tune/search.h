// Layouts of a job on the GPUs that it has, planned one by one and ranked by the estimated speed.
#pragma once

#include <string>
#include <vector>

#include "launcher/estimate/seconds.h"
#include "launcher/plan/plan.h"

namespace muster::tune {

/// A layout that fits. `changes` are what --set takes; none: the job as it is.
struct Candidate {
  std::vector<std::string> changes;
  spec::Degrees train, generate;
  spec::Recompute recompute = spec::Recompute::none;
  estimate::StepSeconds seconds;  // of Muster
  double free_gb = 0;             // of a GPU in the fullest phase
  std::vector<std::string> unsupported;
};

struct Found {
  std::vector<Candidate> candidates;  // from the fastest; those that do not fit are left out
  std::size_t tried = 0;
};

/// Trainers (tp, pp, ep, recompute) with the job's generator first, then generators (tp) for the best of them. The
/// ranks of each role stay as many. throws: Error::user where the job itself cannot be planned, or the cluster file
/// lacks the rates.
Found search(const plan::Request& request);

}  // namespace muster::tune
