// What a checkpoint is on disk. `checkpoints/step_000012/` holds one file of each rank that trains and, written last,
// manifest.json: a folder with a manifest under that name is complete, and everything else (step_000012.part) is not
// there. The manifest says of which run it is and carries a digest of itself and of each file, so that a checkpoint of
// another run, a damaged or a renamed one is never taken for this run's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
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
  std::map<std::string, std::string> decides;      // deciding_values of the plan
  std::int64_t weight_version = 0;                 // that the next step generates with
  std::int64_t data_epoch = 0, data_position = 0;  // the cursor
  std::vector<CheckpointFile> files;
  bool operator==(const CheckpointManifest&) const = default;
};

/// Who holds what of the trainer's state: two plans with the same text can read each other's checkpoints.
std::string layout_text(const Plan& plan);

/// The keys of the job, beside the layout, that decide the bits of a run, with their values, and the model's facts:
/// two plans that agree in them make the same run. Not among them: what a person may change between two attempts, such
/// as grpo.steps, logs, checkpoints, validation, watchdog, workers and memory.
std::map<std::string, std::string> deciding_values(const Plan& plan);

std::string checkpoint_file_json(const CheckpointFile& file);
/// throws: Error::user naming `where`.
CheckpointFile parse_checkpoint_file(const std::string& text, const std::string& where);
/// With a digest of all that stands before it.
std::string checkpoint_manifest_json(const CheckpointManifest& manifest);
/// throws: Error::user naming `where`, also when one byte is another than it was written.
CheckpointManifest parse_checkpoint_manifest(const std::string& text, const std::string& where);

/// checkpoints/step_000012 of a run.
std::filesystem::path checkpoint_folder(const RunPaths& paths, std::int64_t step);
/// The same while it is written.
std::filesystem::path unfinished_checkpoint_folder(const RunPaths& paths, std::int64_t step);
std::filesystem::path manifest_path(const std::filesystem::path& folder);
/// "train_3.safetensors": by rank of the train role.
std::string checkpoint_file_name(std::int64_t train_rank);
/// Steps of the complete checkpoints, oldest first.
std::vector<std::int64_t> complete_checkpoints(const RunPaths& paths);
/// What lies in checkpoints/ half written or half removed, left over from an attempt that was ended; other names are
/// left alone.
std::vector<std::filesystem::path> unfinished_checkpoints(const RunPaths& paths);

/// Why the checkpoint of `step` cannot be used by this plan, or "": its manifest is whole, of this step, run and
/// layout, its figures are in range, and it lists the file of every rank that trains, each there with its size. The
/// checksum is compared for the file of `train_rank` alone (all are read by someone), and for none without one.
std::string checkpoint_fault(const RunPaths& paths, const Plan& plan, std::int64_t step,
                             std::optional<std::int64_t> train_rank);

}  // namespace muster::spec
