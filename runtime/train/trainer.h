// The trainer: forward, backward, reduction of gradients, clipped AdamW with its state cut over dp_cp. It is handed its
// loss and does not know GRPO.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/model/decoder.h"
#include "runtime/parallel/mesh.h"
#include "runtime/parallel/vocabulary.h"
#include "runtime/spec/job.h"
#include "runtime/spec/memory.h"
#include "runtime/train/logprobs.h"
#include "runtime/train/packed_batch.h"
#include "runtime/train/pipeline.h"

namespace muster::train {

struct UpdateFigures {
  double loss = 0;       // summed over dp_cp
  double grad_norm = 0;  // before clipping, global
};

class Trainer {
 public:
  /// Weights come loaded in `weights` (the type that forward passes read), cut as mesh says and padded to a multiple of
  /// dp_cp; fp32 main weights are made from them (they are the weights themselves when those are fp32). Borrows mesh
  /// and weights.
  Trainer(const spec::ModelFacts& facts, const spec::Job& job, parallel::Mesh& mesh, weights::ShardStore& weights);
  ~Trainer();

  /// Forward only. All ranks of tp and cp and all stages of a pipeline pass the same sequences, and get the scores.
  /// collective: tp, cp, pp.
  SequenceLogprobs logprobs(std::span<const Sequence> sequences, const std::function<void()>& on_progress);
  /// One optimizer update over this dp rank's sequences (may be none). Micro batches may differ in number from one dp
  /// rank to another; all ranks of tp and cp and all stages of a pipeline pass the same sequences. The loss is asked
  /// on the ranks of the last stage. collective: role. throws: Error::user, on every rank, when loss or gradient is not
  /// finite; the weights are then as before.
  UpdateFigures update(std::span<const Sequence> sequences, const Loss& loss, double lr,
                       const std::function<void()>& on_progress);
  /// With train.overlap_param_gather the weights of the last update may still be on their way when update returns: the
  /// caller's stream waits for them. Before anything but this trainer reads the store.
  void wait_for_weights();
  /// Forgets the moments and the count of updates: what follows the supervised start begins afresh.
  void reset_optimizer();
  /// What this rank must remember to go on bit for bit, by name: windows into what the trainer holds.
  std::vector<std::pair<std::string, at::Tensor>> slices() const;
  std::int64_t num_updates() const;
  /// After the slices were written from outside: weights and count follow from them. collective: dp_cp.
  void resume(std::int64_t num_updates);
  /// Its buffers beside the weights, by owner: for whoever takes their memory away between calls.
  std::vector<std::pair<spec::MemoryOwner, at::Tensor>> buffers() const;
  /// Bytes by owner that this trainer holds (main weights, moments, gradients).
  spec::MemoryFigures memory() const;
  /// The gradients of the last update before clipping, by name, for tests: summed over dp_cp, this rank's boxes.
  /// collective: dp_cp.
  const weights::ShardStore& gradients();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Learning rate at a step (0-based): linear warm-up over warmup_steps, then the schedule down to min_lr at
/// `total_steps`.
double learning_rate(const spec::OptimizerJob& optimizer, std::int64_t step, std::int64_t total_steps);

}  // namespace muster::train
