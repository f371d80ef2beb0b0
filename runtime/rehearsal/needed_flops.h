// FLOPs that a step needs, by formula: what the rehearsed ones are held against.
#pragma once

#include "runtime/generate/scheduler.h"
#include "runtime/loop/rollout.h"
#include "runtime/spec/plan.h"

namespace muster::rehearsal {

/// Of one rank of a role: 2 for each weight of a matrix and token (of experts those that are chosen), 4 x heads x head
/// width for each pair of a query and a key that it sees, layers; the head for each row that is scored.
class RoleFlops {
 public:
  /// pair_width: of the heads that attention multiplies; 0: head_dim.
  RoleFlops(const spec::ModelFacts& facts, const spec::Degrees& degrees, const spec::Coordinates& place,
            std::int64_t pair_width = 0);
  double layers(double tokens, double pairs) const { return mixers(tokens, pairs) + feed_forwards(tokens); }
  double mixers(double tokens, double pairs) const { return tokens * mixer_token_ + pairs * layer_pair_; }
  double feed_forwards(double tokens) const { return tokens * feed_token_; }
  double head(double rows) const { return rows * head_row_; }

 private:
  double mixer_token_ = 0, feed_token_ = 0, layer_pair_ = 0, head_row_ = 0;
};

struct NeededFlops {
  double generate = 0, logprob = 0, train = 0;
  double chosen_train = 0;     // forward again, by train.recompute and train.logprob_chunk_tokens
  double chosen_generate = 0;  // again after a preemption, where the cache has fewer pages than running samples need
};
/// `generated`: what the rank's generator did.
NeededFlops needed_flops(const spec::Plan& plan, const spec::RankPlan& rank, const loop::Rollout& rollout,
                         const generate::SchedulerFigures& generated = {});

}  // namespace muster::rehearsal
