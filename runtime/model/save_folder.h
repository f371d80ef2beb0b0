// The policy as a Hugging Face folder that loads anywhere.
#pragma once

#include <filesystem>

#include "runtime/spec/parameters.h"
#include "runtime/weights/shard_store.h"

namespace muster::comm {
class Communicator;
}

namespace muster::model {

/// Every parameter whole, in the order of spec::parameters_of, on the first rank of the role; nothing elsewhere.
/// role: as below. collective: role.
std::vector<std::pair<std::string, at::Tensor>> whole_parameters(comm::Communicator& role, const spec::Degrees& degrees,
                                                                 const weights::ShardStore& store,
                                                                 const spec::ModelFacts& facts, at::ScalarType type);
/// The whole model as a folder that loads anywhere: the config.json of `origin` but for the weights' type,
/// model.safetensors, the files of `origin` that are not weights (tokenizer, templates). role: the ranks that hold the
/// boxes of `degrees` in `store`; the first of them writes. collective: role.
void save_model_folder(comm::Communicator& role, const spec::Degrees& degrees, const weights::ShardStore& store,
                       const spec::ModelFacts& facts, const std::filesystem::path& origin,
                       const std::filesystem::path& folder, spec::DataType dtype);

}  // namespace muster::model
