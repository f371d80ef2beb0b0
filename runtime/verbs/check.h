// `muster-runtime check`: does this machine compute what Muster means? Every form of an operation against its plain
// form, the generator against the trainer on a tiny model, and on a GPU machine the CUDA forms. NCCL is shown by a run.
#pragma once

namespace muster::verbs {

/// Prints a table; returns 0 when all agree, 3 when one does not or is missing.
int check_machine();

}  // namespace muster::verbs
