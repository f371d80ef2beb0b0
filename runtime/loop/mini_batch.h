// What one data-parallel rank trains on in one optimizer update, and the inputs of its loss: pure functions of the
// rollout.
#pragma once

#include <vector>

#include "runtime/grpo/grpo.h"
#include "runtime/loop/rollout.h"
#include "runtime/parallel/vocabulary.h"
#include "runtime/spec/job.h"
#include "runtime/train/packed_batch.h"

namespace muster::loop {

/// Lists run over the sequences of the mini batch; lists of lists over the tokens of each answer.
struct MiniBatch {
  std::vector<train::Sequence> sequences;     // look into the rollout, which lives longer
  std::vector<std::vector<float>> gen;        // log-probabilities of the generator, before filters
  std::vector<std::vector<float>> old;        // of the trainer before the step's updates; empty: the update's own
  std::vector<std::vector<float>> reference;  // empty without a KL term
  std::vector<double> advantages;
  std::vector<double> weights;  // of each token in the loss: 1 / global count; 0: masked out
  double total_weight = 1;      // of all tokens of the update, on all ranks
};

/// The mini batches of the rank at `dp_index` in each update of a step. A sample that was not graded, and with overlong
/// filtering one that was cut off, has weight 0. A token's weight is 1 / (tokens of the update) with the reduction
/// `token`, 1 / (samples x tokens of its sample) with `sequence`, 1 / (samples x spec::constant_tokens) with `constant`
/// (Dr.GRPO, arXiv:2503.20783), of what takes part.
std::vector<MiniBatch> mini_batches(const Rollout& rollout, const std::vector<double>& advantages, const spec::Job& job,
                                    std::int64_t dp, std::int64_t dp_index);

/// The inputs of the loss for one micro batch of the mini batch, on the device of the scores.
grpo::TokenInputs token_inputs(const MiniBatch& mini_batch, const train::PackedBatch& batch,
                               const parallel::TokenLogprobs& scores, const spec::LossJob& loss);

}  // namespace muster::loop
