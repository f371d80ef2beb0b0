// A Hugging Face folder into the stores of the ranks, and back.
#pragma once

#include <filesystem>

#include "runtime/spec/parameters.h"
#include "runtime/weights/shard_store.h"

namespace muster::comm {
class Communicator;
}

namespace muster::weights {

/// Every shard of the store from the folder, converted to the store's type. Reads only what the rank owns.
/// throws: Error::user naming each tensor that is missing or of another shape (all in one go).
void load_weights(const std::filesystem::path& folder, const spec::ModelFacts& facts, ShardStore& store);
/// Random weights keyed by (seed, parameter name, global index): the same in any layout. Matrices normal(0, std), norms one, biases zero.
void fill_random(ShardStore& store, std::uint64_t seed, double std);
/// The whole model as a folder that loads anywhere: config.json, model.safetensors, the files of `origin` that are not weights
/// (tokenizer, templates). collective: tp (rank 0 of the group writes; `tp` is the group that holds one full replica).
void save_model_folder(comm::Communicator& tp, const ShardStore& store, const spec::ModelFacts& facts, const std::filesystem::path& origin,
                       const std::filesystem::path& folder, spec::DataType dtype);

}  // namespace muster::weights
