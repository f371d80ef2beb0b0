// What of the plan this runtime does not run yet, refused by name before anything is allocated.
#pragma once

#include <string>

#include "runtime/spec/plan.h"

namespace muster::loop {

/// throws: Error::user listing every axis and mode of the plan that is not there yet.
void check_supported(const spec::Plan& plan, const std::string& where);

}  // namespace muster::loop
