#include "runtime/loop/scoring.h"

#include "runtime/base/error.h"

namespace muster::loop {
namespace {

// Samples of one prompt have neighbouring numbers.
std::int64_t id_of(const generate::Sample& sample) { return sample.group << 20 | sample.index; }

}  // namespace

Scoring::Scoring(const spec::RewardJob& reward, const std::vector<int>& worker_fds, const data::Tokenizer& tokenizer)
    : reward_(reward), tokenizer_(tokenizer) {
  if (!worker_fds.empty())
    client_ = std::make_unique<reward::RewardClient>(worker_fds, reward::ClientOptions{.timeout_s = reward.timeout_s});
}

Scoring::~Scoring() = default;

void Scoring::submit(const generate::Sample& sample, const std::string& gold) {
  INVARIANT(client_ != nullptr, "a rank that speaks for samples has reward workers");
  client_->submit(
      {.id = id_of(sample), .kind = reward_.kind, .answer = tokenizer_.decode(sample.tokens, true), .gold = gold});
}

std::vector<ScoredSample> Scoring::collect(std::vector<generate::Sample> samples, double& waited_s) {
  waited_s = 0;
  if (samples.empty()) return {};
  std::vector<std::int64_t> ids;
  for (const generate::Sample& sample : samples) ids.push_back(id_of(sample));
  const reward::Collected collected = client_->collect(ids);
  waited_s = collected.waited_s;
  std::vector<ScoredSample> scored(samples.size());
  for (std::size_t s = 0; s < samples.size(); ++s)
    scored[s] = {
        .sample = std::move(samples[s]), .reward = collected.grades[s].reward, .outcome = collected.grades[s].outcome};
  return scored;
}

}  // namespace muster::loop
