// Advantages: how much better a sample did than the other samples of its prompt.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "runtime/spec/job.h"

namespace muster::grpo {

/// Advantage of each sample against its own group: reward - baseline, divided by (deviation + eps) when `normalize`.
/// rewards_BG float32, B prompts x G samples -> same shape on the same device. Baseline::mean takes mean and unbiased
/// deviation of the whole group; Baseline::leave_one_out leaves the sample out of both. A deviation of zero (the others
/// are equal, or there is only one) leaves the difference undivided; a group of equal rewards gives exact zeros.
/// Baseline::none gives the rewards themselves.
/// throws: Error::user if G < 2 and there is a baseline.  source: arXiv:2402.03300 section 4.1.2; arXiv:2402.14740
/// (leave-one-out).
at::Tensor group_advantages(const at::Tensor& rewards_BG, spec::Baseline baseline, bool normalize, double eps);

/// Advantages with mean 0 and variance 1 over all tokens of a batch: of each sample (A - mean) / sqrt(variance), where
/// a sample counts as many times as it has tokens. The variance is that of a population, 1e-8 at least. A sample
/// without tokens takes no part and keeps its advantage.
/// source: REINFORCE++, arXiv:2501.03262 (advantages normalised over the global batch).
std::vector<double> whitened(const std::vector<double>& advantages, const std::vector<std::int64_t>& tokens);

}  // namespace muster::grpo
