// Who does what in a step: pure arithmetic that every rank repeats, so that no driver has to tell.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace muster::loop {

/// The samples of one update dealt to the data-parallel ranks: whole groups where there are enough of them (their
/// prompt is computed once), heaviest first to the rank with the fewest tokens; single samples otherwise. `members` are
/// sample numbers (group * samples_per_prompt + index); tokens[m] is the weight of sample m. Returns one ascending list
/// a rank.
std::vector<std::vector<std::int64_t>> balance_samples(std::span<const std::int64_t> members,
                                                       std::span<const std::int64_t> tokens,
                                                       std::int64_t samples_per_prompt, std::int64_t num_ranks);

}  // namespace muster::loop
