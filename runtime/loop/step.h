// One GRPO step, colocated or split: which rank does what follows from the roles that the plan gives it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "runtime/data/prompts.h"
#include "runtime/data/tokenizer.h"
#include "runtime/log/records.h"
#include "runtime/loop/checkpoints.h"
#include "runtime/loop/context.h"
#include "runtime/loop/grading.h"
#include "runtime/loop/policy.h"
#include "runtime/loop/rollout.h"
#include "runtime/spec/answer_lengths.h"

namespace muster::loop {

/// Sums over tokens of this rank's share of a step; they add up over the ranks.
struct TokenSums {
  double tokens = 0, abs_diff = 0, prob_error = 0, gen_kl = 0, entropy = 0, kl = 0, clip_share = 0, ratio = 0,
         correction = 0;
  double max_diff = 0;  // a maximum, not a sum
};

struct TrainFigures {
  std::vector<double> losses, grad_norms;
  double lr = 0, kl_weight = 0;
  TokenSums sums;                                                   // over all ranks
  double advantage_mean = 0, advantage_max = 0, advantage_min = 0;  // of the step's samples
  std::map<std::string, double> tensor_norms;                       // with log.tensor_norms only
};

class Step {
 public:
  Step(RankContext& context, Policy& policy, const data::Tokenizer& tokenizer, Grading& grading,
       Checkpoints& checkpoints);

  /// generate, grade, advantages, train, refit, checkpoint where one is due, log. `records` is null but on the writer
  /// rank. collective: world.
  spec::StepRecord run(std::int64_t step, data::PromptSource& source, log::Records* records);

  /// Samples of these prompts, graded, known to every rank. collective: world.
  Rollout roll_out(std::vector<StepPrompt> prompts, std::int64_t samples_per_prompt, std::int64_t step);

 private:
  TrainFigures train(const Rollout& rollout, std::int64_t step);
  std::vector<double> advantages(const Rollout& rollout, std::int64_t step) const;
  /// What the ranks of a rehearsal would have told each other: samples of the forced lengths.
  std::vector<GradedSample> samples_without_others(const Rollout& rollout, std::int64_t step) const;
  /// Of the answers to one prompt in a synthetic run; empty in others.
  std::vector<std::int64_t> forced_lengths(std::int64_t group, std::int64_t count, std::int64_t step) const;

  RankContext& context_;
  Policy& policy_;
  const data::Tokenizer& tokenizer_;
  Grading& grading_;
  Checkpoints& checkpoints_;
  std::optional<spec::AnswerLengths> lengths_;  // of a synthetic run
};

/// The job's prompts, through the run's index where it has one.
data::PromptSource open_prompts(const RankContext& context, const data::Tokenizer& tokenizer, std::uint64_t seed,
                                data::Part part = data::Part::train);
/// The next prompts of the source, the same on every rank.
std::vector<StepPrompt> next_prompts(data::PromptSource& source, std::int64_t count);

}  // namespace muster::loop
