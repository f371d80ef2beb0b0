// Where the parts of a plan stand in its file, for faults. Within spec only.
#pragma once

#include <string>
#include <vector>

#include "runtime/spec/plan.h"
#include "runtime/spec/toml_reader.h"

namespace muster::spec {

struct PlanPlaces {
  KeyPlaces job;                       // its file is the plan's
  std::string facts, train, generate;  // tables
  std::vector<std::string> ranks;      // of each rank in Plan::ranks
  const std::string& rank(std::size_t index) const { return index < ranks.size() ? ranks[index] : job.file; }
};

void check_plan_faults(const Plan& plan, const PlanPlaces& places, base::Faults& faults);

}  // namespace muster::spec
