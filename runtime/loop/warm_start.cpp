// Each update on the gold answers of a batch of prompts, by the trainer as it is.
#include "runtime/loop/warm_start.h"

#include <nlohmann/json.hpp>

#include "runtime/base/text.h"
#include "runtime/loop/balance.h"
#include "runtime/loop/prompts.h"
#include "runtime/loop/rollout_figures.h"
#include "runtime/train/supervised.h"

namespace muster::loop {
namespace {

data::PromptSource source_apart(const Session& session, std::uint64_t salt) {
  return open_prompts(session.context, session.tokenizer, session.job().seed + salt);
}

}  // namespace

double measured_reward(Session& session, std::int64_t count, std::int64_t draw) {
  data::PromptSource source = source_apart(session, kMeasureSalt + static_cast<std::uint64_t>(draw) * 2);
  session.policy.make_resident(spec::Phase::generate);
  const Rollout rollout = session.generator.roll_out(next_prompts(source, count), 1, kWarmStartDraws + draw);
  return rollout_figures(session.context, rollout).reward;
}

void warm_start(Session& session) {
  RankContext& context = session.context;
  Policy& policy = session.policy;
  log::Records* const records = session.records.get();
  const spec::WarmupJob& warmup = session.job().warmup;
  data::PromptSource source = source_apart(session, kWarmStartSalt);
  for (std::int64_t s = 1; s <= warmup.sft_steps; ++s) {
    const std::vector<StepPrompt> prompts = next_prompts(source, warmup.batch);
    std::vector<std::vector<std::int32_t>> answers;
    std::vector<std::int64_t> members, tokens;
    double all_tokens = 0;
    for (const StepPrompt& prompt : prompts) {
      answers.push_back(session.tokenizer.encode(prompt.gold, false));
      answers.back().push_back(session.stop_tokens.front());
      members.push_back(std::ssize(members));
      tokens.push_back(std::ssize(answers.back()));
      all_tokens += static_cast<double>(answers.back().size());
    }
    double loss = 0;
    if (policy.trains()) {
      const parallel::Mesh& mesh = *context.train;
      std::vector<train::Sequence> mine;
      const auto shares = balance_samples(members, tokens, 1, mesh.degrees().dp);
      for (const std::int64_t m : shares[mesh.coordinates().dp])
        mine.push_back({.id = m, .group = m, .prompt = prompts[m].tokens, .answer = answers[m]});
      policy.make_resident(spec::Phase::train);
      loss = policy.trainer()
                 .update(mine, train::supervised_loss(all_tokens), warmup.lr, [&] { context.clock->progress(); })
                 .loss;
    }
    if (records != nullptr) records->warmup({{"kind", "sft"}, {"step", s}, {"loss", loss}});
    if (warmup.stop_at_reward <= 0 || s % warmup.check_every != 0) continue;
    policy.refit();
    const double reward = measured_reward(session, warmup.check_prompts, s);
    if (records != nullptr) records->warmup({{"kind", "check"}, {"step", s}, {"reward", reward}});
    if (reward >= warmup.stop_at_reward) break;
  }
  policy.make_resident(spec::Phase::train);
  if (policy.trains()) policy.trainer().reset_optimizer();
}

}  // namespace muster::loop
