// The sense of [data]: the part of check_job that can be known before a row is read. Within runtime/spec.
#pragma once

#include <string>
#include <vector>

#include "runtime/spec/toml_reader.h"

namespace muster::spec {

/// Adds a fault for each violation, and a warning for what is legal but foolish.
void check_data(const DataJob& data, const KeyPlaces& places, base::Faults& faults, std::vector<std::string>& warnings);

}  // namespace muster::spec
