// A rehearsal: one step of one rank of a plan with the real loop, tensors that have shapes and no data, and
// communicators that complete at once. It says what the step needs, for a model and a cluster that this machine is not.
//
// What has no value has a stand-in: tokens are 0, answers have the lengths of job.sampling.lengths, rewards are random,
// prompts that cannot be read here have 100 tokens, and of the
// other ranks this one knows what it would have told itself. Not in the figures: temporaries inside kernels,
// contexts and communicators, fragmentation, and checksums of the refit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/comm/call_log.h"
#include "runtime/spec/memory.h"
#include "runtime/spec/plan.h"

namespace muster::rehearsal {

struct PhaseRehearsed {
  spec::Phase phase = spec::Phase::train;
  spec::MemoryFigures peak;     // when tensors of the device held most, by owner
  double flops = 0;             // executed: matrix products and attention
  double needed_flops = 0;      // each token once forward, and in an update twice as much backward
  double chosen_flops = 0;      // forward again by train.recompute and train.logprob_chunk_tokens
  std::int64_t operations = 0;  // of ATen that are no views, and forms of ours
  std::int64_t host_waits = 0;
  std::vector<comm::CallCount> calls;
};

struct Rehearsal {
  std::int64_t rank = 0;
  std::int64_t samples = 0, prompt_tokens = 0, answer_tokens = 0;  // of the whole step
  spec::MemoryFigures load_peak;                                   // before the step
  std::vector<PhaseRehearsed> phases;                              // generate, logprob, train, refit
  double seconds = 0;
};

/// expert_skew: parallel::set_rehearsed_skew. throws: Error::user (a plan that this runtime does not run, a rank that
/// it does not have).
Rehearsal rehearse(spec::Plan plan, std::int64_t rank, const std::string& lengths, double expert_skew = 1);

/// `muster-rank rehearse --plan FILE --rank R --lengths RULE --experts SKEW`: one JSON object on stdout.
int rehearse_verb(const std::vector<std::string>& words);

}  // namespace muster::rehearsal
