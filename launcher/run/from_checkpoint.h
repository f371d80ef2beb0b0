// A run that begins with the checkpoint of another: `--from RUN[@STEP]`. Weights, optimizer and, where the prompts are
// drawn alike, the place in the data are kept; the job may be another. The new run folder gets the checkpoint under its
// own job, its files as hard links, so that its ranks resume from it as from one of their own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/spec/checkpoint.h"
#include "runtime/spec/plan.h"

namespace muster::run {

/// A complete checkpoint of a run.
struct FoundCheckpoint {
  spec::RunPaths paths;
  spec::Plan plan;  // of the run that wrote it
  std::int64_t step = 0;
  spec::CheckpointManifest manifest;
};

/// RUN or RUN@STEP as typed, where RUN is a run folder or the id of a job; empty step: the newest.
struct CheckpointName {
  std::string run;
  std::string step;
};
CheckpointName parse_checkpoint_name(const std::string& word);
/// throws: Error::user when there is no such run, no such checkpoint (with those that there are), or it is damaged.
FoundCheckpoint find_checkpoint(const std::string& word);

/// What the new run takes over, decided and not done.
struct Takeover {
  FoundCheckpoint from;
  spec::CheckpointManifest manifest;  // of the checkpoint in the new run
  bool keeps_data_position = false;
  std::vector<std::string> kept, anew, changed;  // for a person
};

/// throws: Error::user with every reason why `plan` cannot go on from it: other shapes, no steps left, another frozen
/// reference.
Takeover plan_takeover(FoundCheckpoint from, const spec::Plan& plan);
/// Lists what is kept, what begins anew and what is another in the job.
std::string takeover_page(const Takeover& takeover);
/// Puts the checkpoint into the run folder of `plan`. throws: Error::user when it cannot be written, or `plan` cannot
/// read it (another layout); then nothing of it is left.
void write_takeover(const Takeover& takeover, const spec::Plan& plan);

/// "optimizer.lr 1e-06 -> 5e-07", for each key in which two jobs differ, but their names.
std::vector<std::string> job_changes(const spec::Job& was, const spec::Job& is);

}  // namespace muster::run
