// What a step of a plan computes, reads and sends, before anything is said of seconds. Counts come from the tables that
// rehearsal verifies (runtime/spec: parameters, memory, schedule) and rates from the cluster file.
#pragma once

#include <cstdint>
#include <optional>

#include "launcher/cluster/cluster.h"
#include "runtime/spec/plan.h"

namespace muster::estimate {

/// Tokens of a sample. The mean is of generated tokens, none longer than `most`.
struct Lengths {
  double prompt_tokens = 120, mean_tokens = 0, most_tokens = 0;
};

/// Of one replica of the generator, bytes and FLOPs of each of its ranks.
struct DecodeCounts {
  double samples = 0, running = 0;  // of a step; at once at most
  double layers = 0;
  double dense_bytes = 0, expert_bytes = 0;  // of weights
  double chosen_share = 0;                   // of the experts, by one token
  double cache_bytes = 0;                    // of one token
  double flops = 0;                          // of one token without attention
  double peak_flops_per_s = 0;
  bool is_far = false;  // tp or ep leaves the NVLink domain
};

/// Of one rank in one pass over all samples of the step: forward; backward is twice its FLOPs and once its bytes.
struct PassCounts {
  double micro_batches = 0, idle_share = 0;  // of one update; of the pipeline's schedule
  double tp_s = 0, ep_s = 0;                 // seconds at the full bandwidth of the links
  double layers = 0, expert_layers = 0;      // that the rank holds
};

struct StepCounts {
  bool is_split = false, is_async = false;
  double samples = 0, gpus = 0, updates = 1;
  double memory_bytes_per_s = 0, train_peak_flops_per_s = 0;
  Lengths lengths;
  DecodeCounts decode;
  PassCounts train, score;
  double scoring_passes = 0;  // of the policy before its update and of the reference
  double again_share = 0;     // of a forward pass that recomputation repeats
  double train_ranks = 1;
  double gradient_s = 0;  // sums over dp of one update, at the full bandwidth of the link
  bool overlaps_gradients = false;
  double refit_bytes = 0, move_bytes = 0;  // of one rank
  // Forward and backward, of a token and of a token that sees each of those before it: tokens, tokens squared.
  double token_flops = 0, squared_flops = 0;
};

/// Absent where the cluster file gives no bandwidth of memory or no peak: seconds cannot be told. `lengths.most_tokens`
/// 0: as the job says.
std::optional<StepCounts> step_counts(const spec::Plan& plan, const cluster::Cluster& cluster, Lengths lengths);

}  // namespace muster::estimate
