// What a checkpoint is on disk. `checkpoints/step_000012/` holds one file of each rank that trains and, written last,
// manifest.json: a folder with a manifest under that name is complete, and everything else (step_000012.part) is not
// there. The launcher reads the names, the runtime everything.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/spec/plan.h"

namespace muster::spec {

struct CheckpointFile {
  std::string name;  // "train_3.safetensors": by rank of the train role
  std::int64_t bytes = 0;
  std::string sha256;
  bool operator==(const CheckpointFile&) const = default;
};

/// manifest.json: what a run must know to go on after `step` as if nothing had been, beside the files.
struct CheckpointManifest {
  std::int64_t step = 0;
  std::int64_t attempt = 0;                        // that wrote it
  std::string layout;                              // layout_text of the plan
  std::int64_t weight_version = 0;                 // that the next step generates with
  std::int64_t data_epoch = 0, data_position = 0;  // the cursor
  std::vector<CheckpointFile> files;
  bool operator==(const CheckpointManifest&) const = default;
};

/// Who holds what of the trainer's state: two plans with the same text can read each other's checkpoints.
std::string layout_text(const Plan& plan);

std::string checkpoint_file_json(const CheckpointFile& file);
/// throws: Error::user naming `where`.
CheckpointFile parse_checkpoint_file(const std::string& text, const std::string& where);
std::string checkpoint_manifest_json(const CheckpointManifest& manifest);
/// throws: Error::user naming `where`.
CheckpointManifest parse_checkpoint_manifest(const std::string& text, const std::string& where);

/// checkpoints/step_000012 of a run.
std::filesystem::path checkpoint_folder(const RunPaths& paths, std::int64_t step);
/// The same while it is written.
std::filesystem::path unfinished_checkpoint_folder(const RunPaths& paths, std::int64_t step);
std::filesystem::path manifest_path(const std::filesystem::path& folder);
/// Steps of the complete checkpoints, oldest first.
std::vector<std::int64_t> complete_checkpoints(const RunPaths& paths);
/// What lies in checkpoints/ and is no complete checkpoint: left over from an attempt that was ended.
std::vector<std::filesystem::path> unfinished_checkpoints(const RunPaths& paths);

}  // namespace muster::spec
