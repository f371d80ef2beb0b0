// What the training half of a step measures: differences of generator and trainer, figures of the loss, advantages.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "runtime/grpo/grpo.h"
#include "runtime/parallel/mesh.h"
#include "runtime/parallel/vocabulary.h"
#include "runtime/spec/step_record.h"

namespace muster::loop {

/// Sums over tokens of this rank's share of a step; they add up over the ranks.
struct TokenSums {
  double tokens = 0, abs_diff = 0, prob_error = 0, gen_kl = 0, entropy = 0, kl = 0, clip_share = 0, ratio = 0,
         correction = 0;
  double max_diff = 0;  // a maximum, not a sum
};

struct TrainFigures {
  std::vector<double> losses, grad_norms;
  double lr = 0, kl_weight = 0, reward_kl = 0;  // the last: of grpo.kl_in_reward, mean over answer tokens
  TokenSums sums;                               // over all ranks
  double advantage_mean = 0, advantage_max = 0, advantage_min = 0;  // of the step's samples
  std::map<std::string, double> tensor_norms;                       // with log.tensor_norms only
};

/// Adds the differences of generator and trainer over `count` tokens.
void add_differences(TokenSums& sums, const float* gen, const float* trainer, const float* entropy, std::size_t count);
/// The same over the tokens of a micro batch.
void add_differences(TokenSums& sums, const grpo::TokenInputs& inputs, const parallel::TokenLogprobs& scores);
void add_loss_figures(TokenSums& sums, const grpo::LossFigures& figures);
void add_advantages(TrainFigures& figures, const std::vector<double>& advantages);

/// The sums over all ranks of the role. collective: role.
TokenSums summed(parallel::Mesh& mesh, const TokenSums& own, at::Device device);

void add_train_figures(spec::StepRecord& record, const TrainFigures& figures);

}  // namespace muster::loop
