// The trainer's side of a step: a rollout in, an updated policy and figures out.
//
// It consumes a rollout, which every rank holds whole; it produces the weights that the next refit carries to the
// generator, and figures. It waits for the other ranks that train and for nobody else. Nobody wakes it: the loop calls
// it.
#pragma once

#include "runtime/loop/context.h"
#include "runtime/loop/policy.h"
#include "runtime/loop/rollout.h"
#include "runtime/loop/train_figures.h"

namespace muster::loop {

class TrainerSide {
 public:
  TrainerSide(RankContext& context, Policy& policy) : context_(context), policy_(policy) {}

  /// Advantages, log-probabilities of the old policy and the reference, and the updates of the step. Nothing on a rank
  /// that does not train. collective: train.
  TrainFigures train(const Rollout& rollout, std::int64_t step);

 private:
  RankContext& context_;
  Policy& policy_;
};

}  // namespace muster::loop
