#include "runtime/loop/warm_start.h"

#include <nlohmann/json.hpp>

#include "runtime/base/text.h"
#include "runtime/loop/balance.h"
#include "runtime/loop/figures.h"
#include "runtime/train/supervised.h"

namespace muster::loop {
namespace {

// Draws of the warm start are numbered far from the steps, so that no sample of the run shares its noise.
constexpr std::int64_t kDrawsApart = std::int64_t{1} << 40;

data::PromptSource source_apart(const RankContext& context, const data::Tokenizer& tokenizer, std::uint64_t salt) {
  return open_prompts(context, tokenizer, context.job().seed + salt);
}

}  // namespace

double measured_reward(RankContext& context, const data::Tokenizer& tokenizer, Step& step, std::int64_t count,
                       std::int64_t draw) {
  data::PromptSource source = source_apart(context, tokenizer, 0x5EED0001 + static_cast<std::uint64_t>(draw) * 2);
  const Rollout rollout = step.roll_out(next_prompts(source, count), 1, kDrawsApart + draw);
  return rollout_figures(context, rollout).reward;
}

void warm_start(RankContext& context, Policy& policy, const data::Tokenizer& tokenizer, Step& step,
                const std::vector<std::int32_t>& stop_tokens, log::Records* records) {
  const spec::WarmupJob& warmup = context.job().warmup;
  data::PromptSource source = source_apart(context, tokenizer, 0x5EED0000);
  for (std::int64_t s = 1; s <= warmup.sft_steps; ++s) {
    const std::vector<StepPrompt> prompts = next_prompts(source, warmup.batch);
    std::vector<std::vector<std::int32_t>> answers;
    std::vector<std::int64_t> members, tokens;
    double all_tokens = 0;
    for (const StepPrompt& prompt : prompts) {
      answers.push_back(tokenizer.encode(prompt.gold, false));
      answers.back().push_back(stop_tokens.front());
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
    const double reward = measured_reward(context, tokenizer, step, warmup.check_prompts, s);
    if (records != nullptr) records->warmup({{"kind", "check"}, {"step", s}, {"reward", reward}});
    if (reward >= warmup.stop_at_reward) break;
  }
  policy.make_resident(spec::Phase::train);
  if (policy.trains()) policy.trainer().reset_optimizer();
}

}  // namespace muster::loop
