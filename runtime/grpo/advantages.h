// Advantages: how much better a sample did than the other samples of its prompt.
#pragma once

#include <ATen/core/Tensor.h>

#include "runtime/spec/job.h"

namespace muster::grpo {

/// Advantage of each sample against its own group: reward - baseline, divided by (deviation + eps) when `normalize`.
/// rewards_BG float32, B prompts x G samples -> same shape on the same device. Baseline::mean takes mean and unbiased
/// deviation of the whole group; Baseline::leave_one_out leaves the sample out of both. A deviation of zero (the others
/// are equal, or there is only one) leaves the difference undivided; a group of equal rewards gives exact zeros.
/// throws: Error::user if G < 2.  source: arXiv:2402.03300 section 4.1.2; arXiv:2402.14740 (leave-one-out).
at::Tensor group_advantages(const at::Tensor& rewards_BG, spec::Baseline baseline, bool normalize, double eps);

}  // namespace muster::grpo
