// The policy as a Hugging Face folder that loads anywhere.
#pragma once

#include <filesystem>

#include "runtime/spec/parameters.h"
#include "runtime/weights/shard_store.h"

namespace muster::comm {
class Communicator;
}

namespace muster::model {

inline constexpr std::int64_t kShard_bytes = 5'000'000'000;  // of one file of weights

/// Every parameter whole, in the order of spec::parameters_of, on the first rank of the role; nothing elsewhere.
/// role: as below. collective: role.
std::vector<std::pair<std::string, at::Tensor>> whole_parameters(comm::Communicator& role, const spec::Degrees& degrees,
                                                                 const weights::ShardStore& store,
                                                                 const spec::ModelFacts& facts, at::ScalarType type);
/// Whole parameters as a folder that loads anywhere: model.safetensors, or files of at most kShard_bytes each with
/// model.safetensors.index.json; the rest as below. throws: Error::user when it cannot be written.
void write_model_folder(const std::vector<std::pair<std::string, at::Tensor>>& tensors, const spec::ModelFacts& facts,
                        const std::filesystem::path& origin, const std::filesystem::path& folder, spec::DataType dtype,
                        std::int64_t shard_bytes = kShard_bytes);
/// The whole model as a folder that loads anywhere: the config.json of `origin` but for the weights' type, the weights,
/// the files of `origin` that are not weights (tokenizer, templates). role: the ranks that hold the
/// boxes of `degrees` in `store`; the first of them writes. collective: role.
void save_model_folder(comm::Communicator& role, const spec::Degrees& degrees, const weights::ShardStore& store,
                       const spec::ModelFacts& facts, const std::filesystem::path& origin,
                       const std::filesystem::path& folder, spec::DataType dtype);

}  // namespace muster::model
