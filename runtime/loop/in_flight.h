// Steps off policy whose new weights enter while samples are being drawn (async.in_flight_updates). Both sides are
// those of loop/step.
//
//     generators                                all ranks                          trainers
//     draw s and what comes after it, at most   |                                  wait (starved_s)
//     s + k, until all shares of s have ended   |
//     wait for all              ------------>  exchange: the samples of s  <-----
//     draw s + 1 ... s + k until the trainers   |                                  train on s
//     call, or until all has ended (throttled_s)|
//     take the weights          <------------  refit: weights of s         <-----  call, hand over the weights
//     the same samples go on with them          |
//
// k = async.max_staleness. Weights of version v let in the prompts of steps up to v + 1 + k; step s trains on the
// groups of its prompts, all of them, with weights of version s - 1 at its begin: so no token is older than k versions,
// every version lets in exactly its share of prompts, and a long answer holds up nobody but the step that trains on it.
//
// Who calls: replicas count their finished share of a step, and the first rank that trains says which step is done,
// both in the attempt's store. The first rank of each replica looks there between two passes, and the ranks of tp, pp
// and ep that pass together agree by a maximum before each pass (generate::Generator::run_until): all of them stop at
// the same boundary, with no pass between two stages. When that is depends on who is faster: a run is not the same from
// run to run, but for its prompts.
//
// A checkpoint stands between two steps, where nothing is trained on by halves. It holds no sample: the prompts in
// flight, at most k steps, are drawn again by the run that goes on, with its newer weights. Their samples lie on many
// ranks, half of them unfinished; to gather them would stop every generator for a state that the next step replaces.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "runtime/loop/rollout_queue.h"
#include "runtime/loop/session.h"
#include "runtime/loop/side_figures.h"
#include "runtime/spec/step_record.h"

namespace muster::loop {

class InFlight {
 public:
  /// After a checkpoint the session's source stands where the prompts of the next step are drawn.
  InFlight(Session& session, std::int64_t steps_done) : session_(session), next_step_(steps_done + 1) {}

  /// As loop::run_step; the samples of later steps run on behind it. collective: world.
  spec::StepRecord run_step(std::int64_t step);

 private:
  /// Draws until the samples of `step` have ended on all replicas, or all that may be drawn here. collective: generate.
  void finish_shares(std::int64_t step);
  /// Draws until the trainers call after `step`. collective: generate.
  void run_beside(std::int64_t step);
  /// Waits until the samples of `step` have ended on all replicas; of a long wait the writer tells whom it is for.
  /// collective: world.
  void wait_for_samples(std::int64_t step);
  /// Where the prompts of all that waits are drawn again.
  data::Cursor cursor() const;

  Session& session_;
  std::deque<QueuedRollout> waiting_;  // prompts whose samples are drawn, of step after step
  std::int64_t next_step_;             // the first one whose prompts are not drawn yet
};

/// Whom a step waits for, by replica and rank: the replicas whose share has not ended.
std::string waiting_text(const spec::Plan& plan, std::int64_t step, const std::vector<std::int64_t>& replicas);

}  // namespace muster::loop
