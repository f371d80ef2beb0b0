// Rewards of the samples that this rank speaks for: sent to the worker processes as soon as a sample ends, collected
// when all have.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/data/tokenizer.h"
#include "runtime/generate/sample.h"
#include "runtime/loop/rollout.h"
#include "runtime/reward/client.h"
#include "runtime/spec/job.h"

namespace muster::loop {

class Scoring {
 public:
  Scoring(const spec::RewardJob& reward, const std::vector<int>& worker_fds, const data::Tokenizer& tokenizer);
  ~Scoring();
  void submit(const generate::Sample& sample, const std::string& gold);
  /// These samples, all of them submitted, with their rewards and in the order given. `waited_s`: what generation did
  /// not hide.
  std::vector<ScoredSample> collect(std::vector<generate::Sample> samples, double& waited_s);

 private:
  spec::RewardJob reward_;
  const data::Tokenizer& tokenizer_;
  std::unique_ptr<reward::RewardClient> client_;  // null on a rank that speaks for no samples
};

}  // namespace muster::loop
