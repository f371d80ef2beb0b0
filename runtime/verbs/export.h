// `muster-runtime export`: a checkpoint of any layout as a Hugging Face folder, made by one process from the files of
// all ranks that trained.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/spec/plan.h"

namespace muster::verbs {

/// Writes the weights that the checkpoint of `step` holds, in the type of the job's model, with the config.json and the
/// other files of model.path. Host memory: the weights once in fp32, once in their type.
/// throws: Error::user when the checkpoint is damaged or is not the plan's, or the folder cannot be written.
void export_checkpoint(const spec::Plan& plan, std::int64_t step, const std::filesystem::path& folder);

/// export --run DIR --step N --output DIR.
int export_verb(const std::vector<std::string>& words);

}  // namespace muster::verbs
