// The graded samples of one step, known to every rank: tokens are small, so each generator rank hands its own to all.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/generate/sample.h"
#include "runtime/reward/grade.h"
#include "runtime/spec/job.h"

namespace muster::comm {
class Communicator;
}

namespace muster::loop {

using reward::Outcome;

struct GradedSample {
  generate::Sample sample;
  double reward = 0;               // weighted, scaled and shaped
  std::vector<double> parts = {};  // of the job's rewards, in their order, as they were graded
  double shaping = 0;              // what the length added to the reward
  Outcome outcome = Outcome::graded;
  std::string note = {};  // why it was not graded, for people
};

/// One prompt of a step.
struct StepPrompt {
  std::int64_t row = 0;  // in its source
  std::vector<std::int32_t> tokens;
  std::string text, gold;
  std::string json = {};  // the row, for rewards that read it
};

struct Rollout {
  std::vector<StepPrompt> prompts;    // B
  std::vector<GradedSample> samples;  // B * G, by (group, index)
  std::int64_t samples_per_prompt = 1;
};

/// What this rank generated (nothing on others) put together with what all others did, ordered by (group, index).
/// collective: world.  throws: Error::rank when a sample is missing or there twice.
std::vector<GradedSample> exchange_samples(comm::Communicator& world, const std::vector<GradedSample>& own,
                                           std::int64_t num_groups, std::int64_t samples_per_prompt);

/// Samples as bytes, and how many those are; what pack_samples made becomes the samples again.
std::vector<std::uint8_t> pack_samples(const std::vector<GradedSample>& samples);
std::int64_t packed_bytes(const std::vector<GradedSample>& samples);
std::vector<GradedSample> unpack_samples(std::span<const std::uint8_t> bytes);

/// How right a graded answer is: the first part of the job's reward as it was graded, before weights, scale and
/// shaping.
double graded_value(const GradedSample& scored);

/// A rollout of which nothing could be graded teaches nothing, and the next one will not either. Every rank sees the
/// same samples. throws: Error::user when not one has the outcome graded.
void check_graded(const std::vector<GradedSample>& samples);

/// A reward that float32 cannot tell from infinity (beyond 1e12) makes statistics, losses and weights that are no
/// numbers. throws: Error::user naming the reward, its part and the row.
void check_rewards(const Rollout& rollout, const spec::RewardJob& job);

}  // namespace muster::loop
