// GRPO as formulas: advantages of a group, the clipped policy loss, KL to a reference, correction of generator against
// trainer. Letters: B prompts, G samples of a prompt, N scored tokens.
#pragma once

#include "runtime/grpo/advantages.h"
#include "runtime/grpo/policy_loss.h"
