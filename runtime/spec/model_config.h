// ModelFacts from the words of a config.json, wherever they stand. Within runtime/spec.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/spec/model_facts.h"

namespace muster::spec {

/// `generation` is generation_config.json, or an empty object. `path` is named in what is thrown.
/// throws: Error::user with every fault.
ModelFacts facts_of_config(const nlohmann::json& config, const nlohmann::json& generation,
                           const std::filesystem::path& path);

}  // namespace muster::spec
