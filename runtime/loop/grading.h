// Rewards of the samples that this rank speaks for: sent to the worker processes as soon as a sample ends, collected
// when all have. Those of a synthetic run are drawn at random, here.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/data/tokenizer.h"
#include "runtime/generate/sample.h"
#include "runtime/loop/rollout.h"
#include "runtime/reward/client.h"
#include "runtime/spec/job.h"

namespace muster::loop {

/// The text of a reply as it is graded and recorded. With reward.skip_special_tokens off its special tokens stay, but
/// for the one that ended it.
std::string reply_text(const spec::Job& job, const data::Tokenizer& tokenizer, const generate::Sample& sample);
/// How a part of the reward grades replies to this prompt.
reward::GradeSettings grade_settings(const spec::Job& job, const spec::RewardPart& part, const std::string& prompt);

class Grading {
 public:
  /// `job` and `tokenizer` are borrowed. throws: Error::user (a pattern that does not compile).
  Grading(const spec::Job& job, const std::vector<int>& worker_fds, const data::Tokenizer& tokenizer);
  ~Grading();
  /// Once for each part of the reward.
  void submit(const generate::Sample& sample, const StepPrompt& prompt);
  /// These samples, all of them submitted, with their rewards and in the order given. A sample is graded when all parts
  /// are; otherwise its outcome is that of the first part that was not. `waited_s`: what generation did not hide.
  /// `on_progress` is called as grades come.
  std::vector<GradedSample> collect(std::vector<generate::Sample> samples, double& waited_s,
                                    const std::function<void()>& on_progress);

 private:
  std::vector<GradedSample> graded_at_random(std::vector<generate::Sample> samples) const;
  std::int64_t id_of(const generate::Sample& sample, std::size_t part) const;

  const spec::Job& job_;
  std::vector<spec::RewardPart> parts_;
  const data::Tokenizer& tokenizer_;
  std::unique_ptr<reward::RewardClient> client_;  // null on a rank that speaks for no samples
};

}  // namespace muster::loop
