#include "runtime/train/supervised.h"

#include <ATen/ATen.h>

#include "runtime/base/error.h"

namespace muster::train {

Loss supervised_loss(double global_tokens) {
  INVARIANT(global_tokens > 0, "an update has answer tokens on some rank");
  return [global_tokens](const parallel::TokenLogprobs& scores, const PackedBatch&) {
    return scores.logprobs_N.sum() * (-1 / global_tokens);
  };
}

}  // namespace muster::train
