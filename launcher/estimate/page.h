// The seconds of a plan as a table for people.
#pragma once

#include <string>

#include "launcher/estimate/counts.h"
#include "launcher/plan/plan.h"

namespace muster::estimate {

/// The lengths that the page counts with: of the newest published row of the job where it was measured, those that a
/// synthetic run forces, or half of the longest answer.
Lengths known_lengths(const plan::Planned& planned);

/// The step by phase, estimated of the published system and of Muster, with the error band; beside a published row of
/// the job on its cluster what was printed. Empty where the cluster file lacks the rates.
std::string seconds_page(const plan::Planned& planned);

}  // namespace muster::estimate
