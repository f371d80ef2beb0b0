// The generator's side of a step: prompts in, a graded rollout out.
//
// It consumes prompts, which every rank draws alike, and the weights of the last refit; it produces the samples of this
// rank's share, graded, and in the exchange the rollout that every rank holds whole. It waits for its reward workers,
// and in the exchange for all ranks. Nobody wakes it: the loop calls it.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "runtime/loop/context.h"
#include "runtime/loop/grading.h"
#include "runtime/loop/policy.h"
#include "runtime/loop/rollout.h"
#include "runtime/loop/rollout_queue.h"
#include "runtime/spec/answer_lengths.h"

namespace muster::loop {

class GeneratorSide {
 public:
  GeneratorSide(RankContext& context, Policy& policy, Grading& grading);

  /// Samples of these prompts, graded, known to every rank: generate(), then exchange(). What generation uses is on the
  /// device, as for generate(). collective: world.
  Rollout roll_out(std::vector<StepPrompt> prompts, std::int64_t samples_per_prompt, std::int64_t draw);

  /// This rank's share of the samples, graded. Empty on a rank that does not generate or whose samples another rank of
  /// its tp group hands on. collective: generate.tp.
  std::vector<GradedSample> generate(const std::vector<StepPrompt>& prompts, std::int64_t samples_per_prompt,
                                     std::int64_t draw);

  /// The rollout of the shares of all ranks. collective: world. throws: Error::user (no sample could be graded, a
  /// reward too large).
  Rollout exchange(std::vector<StepPrompt> prompts, std::int64_t samples_per_prompt, std::int64_t draw,
                   const std::vector<GradedSample>& own);

  // Updates in flight (loop/in_flight): samples of several steps at once.

  /// Begins the samples of this rank's share of the prompts that `step` trains on. Nothing on a rank that does not
  /// generate.
  void begin(const std::vector<StepPrompt>& prompts, std::int64_t samples_per_prompt, std::int64_t step);
  /// Draws until all has ended or a replica is called (generate::Generator::run_until); what ends is sent to its
  /// grading. `waiting`: the rollouts whose samples are drawn. collective: generate.tp, generate.pp, generate.ep.
  void run_until(const generate::IsCalled& is_called, const std::deque<QueuedRollout>& waiting);
  /// The samples of a step that has ended, graded, as generate() answers them.
  std::vector<GradedSample> take(std::int64_t step);
  /// Bytes of the samples that have ended and were not taken.
  std::int64_t waiting_bytes() const { return waiting_bytes_; }

 private:
  /// One rank of a replica grades and hands on; its other ranks hold the very same samples.
  bool reports() const;
  std::vector<generate::Request> requests_of(const std::vector<StepPrompt>& prompts, std::int64_t samples_per_prompt,
                                             std::int64_t draw) const;
  std::vector<GradedSample> graded(std::vector<generate::Sample> samples);

  RankContext& context_;
  Policy& policy_;
  Grading& grading_;
  std::optional<spec::AnswerLengths> lengths_;  // of a synthetic run
  std::int64_t waiting_bytes_ = 0;
};

/// Lengths of the answers to one prompt in a synthetic run; empty in others.
std::vector<std::int64_t> forced_lengths(const std::optional<spec::AnswerLengths>& lengths, std::uint64_t seed,
                                         std::int64_t draw, std::int64_t group, std::int64_t count);

}  // namespace muster::loop
