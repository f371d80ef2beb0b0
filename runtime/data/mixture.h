// Which row of which source stands where in an epoch: pure arithmetic, the same on every rank.
#pragma once

#include <cstdint>
#include <vector>

namespace muster::data {

/// The rows of one source that take part, and its share of the prompts (0, for all sources: by their rows).
struct MixtureSource {
  std::vector<std::int64_t> rows;
  double weight = 0;
};

/// Rows of each source in one epoch, which has as many as all of them: by weight, largest remainder first, so that they
/// add up exactly.
std::vector<std::int64_t> epoch_quotas(const std::vector<MixtureSource>& sources);

/// The rows of epoch `epoch` in order. Over the epochs each source runs through permutations of its rows, one after the
/// other, wherever the ends of epochs fall. Without `shuffle`: rows in their order, sources dealt out evenly.
std::vector<std::int64_t> epoch_order(const std::vector<MixtureSource>& sources, std::uint64_t seed, std::int64_t epoch,
                                      bool shuffle);

}  // namespace muster::data
