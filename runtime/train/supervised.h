// The loss of the supervised warm start: the same machinery as GRPO, another formula.
#pragma once

#include "runtime/train/trainer.h"

namespace muster::train {

/// Mean negative log-probability of the answer tokens. global_tokens: answer tokens of the update over all dp ranks.
Loss supervised_loss(double global_tokens);

}  // namespace muster::train
