// A Hugging Face folder, or random weights, into the stores of the ranks.
#pragma once

#include <filesystem>

#include "runtime/spec/parameters.h"
#include "runtime/weights/shard_store.h"

namespace muster::weights {

/// Every shard of the store from the folder, converted to the store's type. Reads only what the rank owns.
/// throws: Error::user naming each tensor that is missing or of another shape (all in one go).
void load_weights(const std::filesystem::path& folder, const spec::ModelFacts& facts, ShardStore& store);
/// Random weights keyed by (seed, parameter name, global index): the same in any layout. Matrices normal(0, std), norms
/// one, biases zero.
void fill_random(ShardStore& store, std::uint64_t seed, double std);

}  // namespace muster::weights
