// Synthetic runs: every answer ends at a length drawn beforehand, so that a row can be run or rehearsed for its speed
// without the model's weights. The tokens are drawn as ever; only where they end is forced.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/spec/job.h"

namespace muster::spec {

/// What sampling.lengths says: "fixed:N", "uniform:A-B", or a file of lines "TOKENS COUNT" (a histogram; '#' begins a
/// comment).
class AnswerLengths {
 public:
  /// `where` is the key that asked. throws: Error::user.
  static AnswerLengths parse(const std::string& text, const std::string& where);
  /// Tokens of the answer, the same on every rank.
  std::int64_t of(std::uint64_t seed, std::int64_t step, std::int64_t group, std::int64_t sample) const;
  double mean() const;
  std::int64_t longest() const { return classes_.back().last; }

 private:
  /// Lengths first..last, all as likely; `share` of all answers lie in this class or in one before it.
  struct Class {
    std::int64_t first = 0, last = 0;
    double share = 0;
  };
  std::vector<Class> classes_;
};

/// A run whose answers have forced lengths and random rewards: it measures speed and teaches nothing.
inline bool is_synthetic(const Job& job) { return !job.sampling.lengths.empty(); }

/// The reward of a synthetic answer: 0 or 1, as likely.
double random_reward(std::uint64_t seed, std::int64_t weight_version, std::int64_t group, std::int64_t sample);

}  // namespace muster::spec
