// One function for each thing that is broken.
#include "runtime/loop/sabotage.h"

#include <algorithm>

#include "runtime/base/random.h"

namespace muster::loop {
namespace {

std::vector<double> negated(std::vector<double> advantages) {
  for (double& advantage : advantages) advantage = -advantage;
  return advantages;
}

std::vector<double> shuffled(const std::vector<double>& advantages, std::uint64_t seed, std::int64_t step) {
  const auto order = base::permutation(base::RandomKey(seed, base::Purpose::shuffle, static_cast<std::uint64_t>(step)),
                                       std::ssize(advantages));
  std::vector<double> dealt(advantages.size());
  for (std::size_t s = 0; s < dealt.size(); ++s) dealt[s] = advantages[order[s]];
  return dealt;
}

}  // namespace

std::vector<double> sabotaged(std::vector<double> advantages, const spec::Job& job, std::int64_t step) {
  switch (job.selftest.sabotage) {
    case spec::Sabotage::zero_advantage:
      return std::vector<double>(advantages.size(), 0);
    case spec::Sabotage::negated_advantage:
      return negated(std::move(advantages));
    case spec::Sabotage::shuffled_advantage:
      return shuffled(advantages, job.seed, step);
    case spec::Sabotage::no_refit:
    case spec::Sabotage::none:
      break;
  }
  return advantages;
}

bool refits(const spec::Job& job) { return job.selftest.sabotage != spec::Sabotage::no_refit; }

}  // namespace muster::loop
