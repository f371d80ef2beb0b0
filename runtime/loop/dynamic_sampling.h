// Dynamic sampling (DAPO): a group of equal rewards teaches nothing, so more prompts are drawn until the step is full
// of groups that differ.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "runtime/loop/rollout.h"
#include "runtime/spec/job.h"
#include "runtime/spec/step_record.h"

namespace muster::loop {

struct Session;

/// A prompt and all its graded samples, that wait for their training.
struct WaitingGroup {
  StepPrompt prompt;
  std::vector<GradedSample> samples;
};

/// Whether the rewards of a group's graded samples differ, before the length of the answers changed them.
/// source: DAPO, arXiv:2503.14476, equation 11.
bool rewards_differ(std::span<const GradedSample> group, const spec::Job& job);

/// Groups that differ, in the order in which they were drawn. Every rank holds the same ones.
class GroupPool {
 public:
  /// Adds those groups of a rollout whose rewards differ. Returns how many did not.
  std::int64_t add(Rollout drawn, const spec::Job& job);
  void restore(std::vector<WaitingGroup> groups);
  /// Takes out the `count` oldest as the groups of a rollout.
  Rollout take(std::int64_t count);
  /// Throws away what waits, and says how many groups that were.
  std::int64_t clear();
  std::int64_t size() const { return std::ssize(groups_); }
  /// All that waits, with a digest of it: the file of a checkpoint.
  std::string saved() const;

 private:
  std::deque<WaitingGroup> groups_;
};

/// Name of that file in the folder of a checkpoint.
inline constexpr const char* kSurplusFile = "surplus.bin";
/// Reads what saved() wrote. throws: Error::user naming `where`, when one byte is another than it was written.
std::vector<WaitingGroup> parse_surplus(const std::string& saved, const std::string& where);
/// Whether groups may wait for the next step.
bool keeps_surplus(const spec::Job& job);

/// The generator's side of a step of a job with grpo.dynamic_sampling. Rounds are whole and one after another: each
/// draws batch_multiplier x prompts_per_step prompts, and every rank decides alike whether another follows, for all
/// know all samples.
class DynamicSampling {
 public:
  /// `surplus`: what waited at the checkpoint that the run resumes from.
  DynamicSampling(Session& session, std::vector<WaitingGroup> surplus);

  /// The groups of a step: what waited, then what is drawn. What generation uses is on the device. collective: world.
  /// throws: Error::user when grpo.max_sampling_rounds do not fill the step; as GeneratorSide::roll_out.
  Rollout roll_out(std::int64_t step);
  /// What the last roll_out did, and how old its samples were under weights of `version`.
  void add_figures(spec::StepRecord& record, const Rollout& rollout, std::int64_t version) const;
  const GroupPool& surplus() const { return pool_; }

 private:
  Session& session_;
  GroupPool pool_;
  std::map<std::string, double> figures_;
};

}  // namespace muster::loop
