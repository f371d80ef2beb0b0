// Checkpoints of a run: complete or absent, and a run that goes on from one is the run that was never ended, bit for
// bit. The state is copied within the step; a thread of each rank that trains writes the copy while the next steps
// run, and beside it, last, a note with size and checksum. Once the notes of all are there, the writer rank makes the
// manifest of them and gives the folder its name.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/data/prompts.h"
#include "runtime/log/records.h"
#include "runtime/loop/context.h"
#include "runtime/loop/dynamic_sampling.h"
#include "runtime/loop/policy.h"
#include "runtime/loop/rollout_queue.h"
#include "runtime/spec/checkpoint.h"

namespace muster::loop {

class Checkpoints {
 public:
  /// `records`: of the writer rank, null on others; they are on the disk before a checkpoint that follows them.
  Checkpoints(RankContext& context, Policy& policy, log::Records* records)
      : context_(context), policy_(policy), records_(records) {}

  /// Looks for the newest checkpoint that is this run's and whole on every rank and goes on from it: weights,
  /// optimizer, the cursor of the data. The step after which it was written; 0 when there is none. collective: world.
  /// throws: Error::user on every rank, when there are checkpoints but none can be used.
  std::int64_t resume(data::PromptSource& source);
  /// Where one is due (every checkpoint.every steps, and in the step in which the warning before the time limit came):
  /// copies the state and begins to write it. collective: world, where checkpoint.every is set.
  /// `next`: where the data stands for the next step that trains. `queue`: the rollouts that wait for their training;
  /// null in a run that is not off policy. `surplus`: the groups that wait for the next step; null without dynamic
  /// sampling.
  void copy_if_due(std::int64_t step, const data::Cursor& next, const RolloutQueue* queue,
                   const GroupPool* surplus = nullptr);
  /// What waited at the checkpoint that resume() took.
  std::vector<QueuedSamples> take_queue() { return std::move(queue_); }
  std::vector<WaitingGroup> take_surplus() { return std::move(surplus_); }
  /// The warning has come, on some rank: the step of the last copy_if_due is the last one of this attempt.
  bool is_last_step() const { return is_last_step_; }
  /// Publishes a checkpoint that every rank has written meanwhile. A rank that could not write says so, and the run
  /// goes on with the older ones. Call it after the step's record is written: what goes on from a checkpoint has it.
  void look();
  /// The same, and waits for it: afterwards none is being written. collective: world.
  void finish();

 private:
  /// One checkpoint on its way to the disk. The thread ends with the note written or with a failure.
  struct Writing {
    spec::CheckpointManifest manifest;  // its files come with publish
    std::vector<std::pair<std::string, at::Tensor>> copies;
    std::string failure;
    std::atomic<bool> has_ended = false;
    std::jthread thread;
  };
  void begin(std::int64_t step, const data::Cursor& next, const RolloutQueue* queue, const GroupPool* surplus);
  void warn_of_failure();
  bool publish();
  void discard(std::int64_t step);
  bool load(std::int64_t step, data::PromptSource& source);
  /// Reads what waited after `step`; returns why it cannot be used, or "". No rank has the file where the checkpoint is
  /// of another run (`--from`): then nothing waited. collective: world, in a run off policy.
  std::string load_queue(const std::filesystem::path& file, std::int64_t step);
  /// The same, of the groups that waited for the next step. collective: world, in a run that keeps a surplus.
  std::string load_surplus(const std::filesystem::path& file);
  /// The fault of the first rank that has one, or "". collective: world.
  std::string first_of_all(const std::string& fault);
  /// How many ranks say yes. collective: world.
  std::int64_t count(bool yes, const char* label);

  RankContext& context_;
  Policy& policy_;
  log::Records* records_;
  std::vector<QueuedSamples> queue_;
  std::vector<WaitingGroup> surplus_;
  std::unique_ptr<Writing> writing_;
  std::string newest_fault_;  // why the newest checkpoint that was looked at could not be used
  bool is_last_step_ = false;
};

}  // namespace muster::loop
