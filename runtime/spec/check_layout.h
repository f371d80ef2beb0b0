// What a layout asks of degrees, batches and the model: the part of check_job that counts ranks. Within runtime/spec.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/spec/parameters.h"
#include "runtime/spec/toml_reader.h"

namespace muster::spec {

/// Adds a fault for each violation, and a warning for what is legal but wastes ranks. `facts` may be null.
void check_layout(const Job& job, const ModelFacts* facts, const KeyPlaces& places, base::Faults& faults,
                  std::vector<std::string>& warnings);

/// The legal values nearest to `value` on both sides, "64 or 128", looked for in 1 .. `most`; empty when there is none.
std::string nearest_legal(std::int64_t value, std::int64_t most, const std::function<bool(std::int64_t)>& is_legal);

/// Share of a pipeline's time in which a rank waits, at best: `micro_batches` of one update through pp x vpp stages.
/// source: arXiv:2104.04473, 2.2.
double bubble_share(std::int64_t pp, std::int64_t vpp, std::int64_t micro_batches);

}  // namespace muster::spec
