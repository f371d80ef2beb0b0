// Seconds of each phase of a step: counts x coefficients. Pure arithmetic, no file is opened.
#pragma once

#include <vector>

#include "launcher/estimate/coefficients.h"
#include "launcher/estimate/counts.h"

namespace muster::estimate {

/// `gen_s` and `train_s` + `score_s` run beside each other in an asynchronous job; otherwise all phases add up.
struct StepSeconds {
  double prefill_s = 0, decode_s = 0, score_s = 0, train_s = 0, refit_s = 0, move_s = 0, fixed_s = 0;
  double step_s = 0;
  double waits_s = 0;               // asynchronous: of the role that is done first
  double sample_tokens = 0;         // prompt and answer, mean
  double tokens_per_s_per_gpu = 0;  // of all GPUs, prompts counted
  double mfu = 0;                   // FLOPs of training alone over the peak of all GPUs and the whole step
};
StepSeconds step_seconds(const StepCounts& counts, const Coefficients& coefficients);

/// Answer lengths, ascending, all as likely: log-normal, clipped at most_tokens, with the mean that is asked for.
std::vector<double> answer_lengths(const Lengths& lengths, double spread);
/// One pass of the generator in which `batch` samples of `context` tokens each gain a token.
double decode_pass_s(const StepCounts& counts, const Coefficients& coefficients, double batch, double context);

}  // namespace muster::estimate
