// The weights of a run as a Hugging Face folder: its final model, or any of its checkpoints, whatever its layout.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "runtime/spec/plan.h"

namespace muster::run {

struct ModelOfRun {
  spec::Plan plan;              // of the run
  std::int64_t step = 0;        // after which the weights are
  std::filesystem::path whole;  // a model folder that is there; empty: the checkpoint has to be put together
  std::string text;             // "the final model", "the checkpoint of step 12"
};

/// RUN means the final model of a run that has finished, else its newest checkpoint; RUN@STEP that checkpoint.
/// throws: Error::user when there is no such run or checkpoint.
ModelOfRun find_model(const std::string& word);
/// Whether `word` names a run, by folder, job id or RUN@STEP, and no job file.
bool names_a_run(const std::string& word);
/// Copies or makes the folder, complete or absent. throws: Error::user when it is there, or cannot be written.
void write_model(const ModelOfRun& model, const std::filesystem::path& folder);
/// A folder with the model for this machine to read: one that is there, else RUN/exported/step_000012, made once.
std::filesystem::path model_folder_of(const ModelOfRun& model);

}  // namespace muster::run
