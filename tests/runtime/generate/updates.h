// Generators whose weights change while samples run, for the tests of this room.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/runtime/generate/scores.h"

namespace muster::generate {

/// Version v has other weights than all others, on whatever cut.
inline void set_weights(SmallModel& model, std::int64_t version) {
  for (const weights::Shard& shard : model.store.shards()) {
    at::Tensor piece = whole_weight(shard.parameter) * (1 - 0.1 * static_cast<double>(version));
    for (std::size_t dim = 0; dim < shard.box.ranges.size(); ++dim) {
      const spec::Range& range = shard.box.ranges[dim];
      piece = piece.narrow(static_cast<std::int64_t>(dim), range.begin, range.size());
    }
    model.store.view(shard.parameter.name).copy_(piece);
  }
}

/// Is called after so many passes.
inline IsCalled after(std::int64_t passes) {
  return [passes]() mutable { return passes-- == 0; };
}

/// The weights that sampled each token.
inline std::vector<std::int64_t> versions_of(const Sample& sample) {
  std::vector<std::int64_t> versions(sample.tokens.size(), sample.weight_version);
  for (const WeightChange& change : sample.changes)
    for (std::size_t t = static_cast<std::size_t>(change.position); t < versions.size(); ++t)
      versions[t] = change.version;
  return versions;
}

/// Each token's log-probability, as it was sampled, minus that of a forward pass with the weights that sampled it: the
/// largest, over all samples. `whole` is set to each version in turn.
inline double largest_difference(SmallModel& whole, const std::vector<Request>& requests,
                                 const std::vector<Sample>& samples, double temperature, std::int64_t num_versions) {
  double worst = 0;
  for (std::int64_t version = 0; version < num_versions; ++version) {
    set_weights(whole, version);
    for (const Sample& sample : samples) {
      const std::vector<std::int64_t> versions = versions_of(sample);
      if (std::find(versions.begin(), versions.end(), version) == versions.end()) continue;
      const std::vector<float> scores = logprobs_of(whole, requests[sample.group].prompt, sample, temperature);
      for (std::size_t t = 0; t < versions.size(); ++t)
        if (versions[t] == version)
          worst = std::max(worst, std::abs(static_cast<double>(scores[t]) - static_cast<double>(sample.logprobs[t])));
    }
  }
  return worst;
}

/// Versions of a sample's tokens never go back, and its changes are where they differ.
inline void expect_versions_in_order(const std::vector<Sample>& samples) {
  for (const Sample& sample : samples) {
    WeightChange before{.position = 0, .version = sample.weight_version};
    for (const WeightChange& change : sample.changes) {
      EXPECT_GT(change.position, before.position);
      EXPECT_GT(change.version, before.version);
      EXPECT_LT(change.position, std::ssize(sample.tokens));
      before = change;
    }
  }
}

}  // namespace muster::generate
