// The seconds of a plan as a table for people.
#pragma once

#include <string>

#include "launcher/plan/plan.h"

namespace muster::estimate {

/// The step by phase, estimated of the published system and of Muster, with the error band; beside a published row of
/// the job on its cluster what was printed. Empty where the cluster file lacks the rates.
std::string seconds_page(const plan::Planned& planned);

}  // namespace muster::estimate
