// The trainer: forward, backward, reduction of gradients, clipped AdamW with its state cut over dp. It is handed its loss and does
// not know GRPO.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "runtime/model/decoder.h"
#include "runtime/parallel/mesh.h"
#include "runtime/parallel/vocabulary.h"
#include "runtime/spec/job.h"
#include "runtime/spec/memory.h"
#include "runtime/train/packed_batch.h"

namespace muster::train {

/// Sum over this rank's micro batch of the loss (already divided by the global count), given scores with gradient.
using Loss = std::function<at::Tensor(const parallel::TokenScores& scores, const PackedBatch& batch)>;

struct UpdateFigures {
  double loss = 0;        // summed over dp
  double grad_norm = 0;   // before clipping, global
};

/// Log-probabilities of the answers, in the order given.
struct SequenceScores {
  std::vector<std::vector<float>> logprobs;
  std::vector<std::vector<float>> entropy;
};

class Trainer {
 public:
  /// Weights come loaded in `weights` (the type that forward passes read), cut as mesh says; fp32 main weights are made from them.
  Trainer(const spec::ModelFacts& facts, const spec::Job& job, parallel::Mesh& mesh, weights::ShardStore& weights);
  ~Trainer();

  /// Forward only. collective: tp.
  SequenceScores scores(std::span<const Sequence> sequences, const std::function<void()>& on_progress);
  /// One optimizer update over this dp rank's sequences (may be none). collective: role.
  UpdateFigures update(std::span<const Sequence> sequences, const Loss& loss, double lr, const std::function<void()>& on_progress);
  /// Forgets the moments and the count of updates: what follows the supervised start begins afresh.
  void reset_optimizer();
  /// Bytes by owner that this trainer holds (main weights, moments, gradients).
  spec::MemoryFigures memory() const;
  /// The gradients of the last update before clipping, by name, for tests: summed over dp, this rank's boxes.
  const weights::ShardStore& gradients() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Learning rate at a step (0-based): linear warm-up over warmup_steps, then the schedule down to min_lr at `total_steps`.
double learning_rate(const spec::OptimizerJob& optimizer, std::int64_t step, std::int64_t total_steps);

}  // namespace muster::train
