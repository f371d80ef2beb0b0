// A Hugging Face folder, or random weights, into the stores of the ranks.
#pragma once

#include <filesystem>

#include "runtime/spec/parameters.h"
#include "runtime/weights/shard_store.h"

namespace muster::weights {

/// What a folder holds for the model of some facts.
struct FolderReport {
  std::int64_t bytes = 0;          // of the model's tensors
  std::vector<std::string> notes;  // what is not as config.json would have it, and is read all the same: sentences
};

/// Fills every shard of the store from the folder, converted to the store's type, and reads only what the rank owns.
/// Returns the report's notes. throws: Error::user naming each tensor that is missing, of another shape or of a type
/// that is not loaded (all in one go), or that config.json ties the head to an embedding that the files' own head
/// differs from.
std::vector<std::string> load_weights(const std::filesystem::path& folder, const spec::ModelFacts& facts,
                                      ShardStore& store);
/// Holds the headers of the files against the table of parameters (and a head of its own against the embedding),
/// without loading. throws: as load_weights.
FolderReport check_weights(const std::filesystem::path& folder, const spec::ModelFacts& facts);
/// Random weights keyed by (seed, parameter name, global index): the same in any layout. Matrices normal(0, std), norms
/// one, biases zero.
void fill_random(ShardStore& store, std::uint64_t seed, double std);

}  // namespace muster::weights
