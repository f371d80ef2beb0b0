// `muster export RUN[@STEP] DIR`: a run's final model or a checkpoint as a Hugging Face folder.
#pragma once

#include "launcher/cli/verb.h"

namespace muster::export_model {

cli::Verb export_verb();

}  // namespace muster::export_model
