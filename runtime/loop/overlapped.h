// Steps off policy: the generators work on the prompts of step s + k while the trainers update on those of step s,
// k = async.max_staleness. Both sides are those of loop/step; a rank of a split run has one of them, and what it does
// not have costs it nothing.
//
//     generators                          all ranks                         trainers
//     generate s + k, weights of s - 1    |                                 take s, train on it
//     wait (throttled_s)            ----> exchange: s + k into the queue <- wait (starved_s)
//     take the weights              <---- refit: weights of s         <---- hand over the weights
//     generate s + k + 1                  |                                 take s + 1, train on it
//
// So every version of the weights generates the prompts of exactly one step, the first one those of 1 + k; the trainer
// takes all groups of its step, in the order of the data; a sample is k versions old when it is trained on, fewer in
// the first steps. Nothing depends on who is faster, and nobody decides: step and plan say whose turn it is. A run is
// the same from run to run, and after a checkpoint, which holds what waits in the queue.
//
// The new weights enter between two steps of generation, so both sides meet once a step: a longer queue makes samples
// older and no step shorter. loop/in_flight is the loop whose weights enter while samples are being drawn.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/loop/rollout_queue.h"
#include "runtime/loop/session.h"
#include "runtime/spec/step_record.h"

namespace muster::loop {

class Overlapped {
 public:
  /// `waited`: what waited at the checkpoint from which the run resumes, nothing without one; the session's source
  /// stands where the prompts of it are drawn again.
  Overlapped(Session& session, std::int64_t steps_done, std::vector<QueuedSamples> waited);

  /// As loop::run_step, with samples of step + k. Where fewer than k rollouts wait (at the start) the missing ones are
  /// generated first, while the trainers wait. collective: world.
  spec::StepRecord run_step(std::int64_t step);

 private:
  /// The prompts of the next step that is generated, without samples.
  QueuedRollout draw();
  void push(QueuedRollout rollout);
  /// Generates what is missing up to the samples of `until_step`. collective: world.
  void fill(std::int64_t until_step);

  Session& session_;
  RolloutQueue queue_;
  std::int64_t next_step_;             // the first one whose prompts are not drawn yet
  std::int64_t generated_tokens_ = 0;  // in the running step, prompts and answers
};

/// The next prompts of the session's source, for the training of `step`, without samples.
QueuedRollout draw_rollout(Session& session, std::int64_t step);

}  // namespace muster::loop
