// Is there a Slurm to ask at all? Looked up before anything of Slurm's is called, because without a configuration its
// library ends the process after a second of name look-ups, or a minute of retries.
#pragma once

#include <string>

#include "runtime/base/error.h"

namespace muster::slurm {

/// throws: Error::cluster at once when SLURM_CONF names a file that cannot be read, or when scontrol is not on PATH and
/// no configuration is in the usual places.
void check_configuration();
/// The error of every form for a controller that does not answer. `said`: what the call reported, or "".
Error controller_away(const std::string& said);

}  // namespace muster::slurm
