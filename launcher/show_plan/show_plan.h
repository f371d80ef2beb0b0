// `muster plan`: what a job would be, with the estimated seconds and the batch script of its submission.
#pragma once

#include "launcher/cli/verb.h"

namespace muster::show_plan {

cli::Verb plan_verb();

}  // namespace muster::show_plan
