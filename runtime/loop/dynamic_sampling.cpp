// Saved: a digest in hex; then for each group the bytes of its prompt as JSON and of its samples, and these.
#include "runtime/loop/dynamic_sampling.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/loop/prompts.h"
#include "runtime/loop/reward_shape.h"
#include "runtime/loop/session.h"
#include "runtime/loop/side_figures.h"

namespace muster::loop {
namespace {

constexpr std::size_t kHexDigest = 64;  // letters of SHA-256

/// Under which number round `round` (from 0) of a step draws. The first draws as a step without dynamic sampling does.
std::int64_t draw_of(std::int64_t step, std::int64_t round) {
  constexpr std::int64_t kMostRounds = 1024;  // grpo.max_sampling_rounds is below
  return round == 0 ? step : kSamplingRoundDraws + step * kMostRounds + round;
}

std::string prompt_bytes(const StepPrompt& prompt) {
  return nlohmann::json{{"row", prompt.row},
                        {"tokens", prompt.tokens},
                        {"text", prompt.text},
                        {"gold", prompt.gold},
                        {"json", prompt.json}}
      .dump();
}

StepPrompt prompt_of(const std::string& bytes) {
  const nlohmann::json read = nlohmann::json::parse(bytes);
  return {.row = read["row"],
          .tokens = read["tokens"].get<std::vector<std::int32_t>>(),
          .text = read["text"],
          .gold = read["gold"],
          .json = read["json"]};
}

}  // namespace

bool rewards_differ(std::span<const GradedSample> group, const spec::Job& job) {
  std::vector<double> rewards;
  for (const GradedSample& one : group)
    if (one.outcome == Outcome::graded) rewards.push_back(shaped_reward(job, one.parts, {}).reward);
  return std::any_of(rewards.begin(), rewards.end(), [&](double reward) { return reward != rewards.front(); });
}

std::int64_t GroupPool::add(Rollout drawn, const spec::Job& job) {
  std::int64_t equal = 0;
  for (std::size_t group = 0; group < drawn.prompts.size(); ++group) {
    const auto first = drawn.samples.begin() + static_cast<std::int64_t>(group) * drawn.samples_per_prompt,
               last = first + drawn.samples_per_prompt;
    if (!rewards_differ({first, last}, job))
      ++equal;
    else
      groups_.push_back(
          {std::move(drawn.prompts[group]), {std::make_move_iterator(first), std::make_move_iterator(last)}});
  }
  return equal;
}

void GroupPool::restore(std::vector<WaitingGroup> groups) {
  groups_.assign(std::make_move_iterator(groups.begin()), std::make_move_iterator(groups.end()));
}

Rollout GroupPool::take(std::int64_t count) {
  INVARIANT(count > 0 && count <= size(), "so many groups wait");
  Rollout rollout{.samples_per_prompt = std::ssize(groups_.front().samples)};
  for (std::int64_t group = 0; group < count; ++group) {
    WaitingGroup oldest = std::move(groups_.front());
    groups_.pop_front();
    rollout.prompts.push_back(std::move(oldest.prompt));
    for (GradedSample& sample : oldest.samples) {
      sample.sample.group = group;
      rollout.samples.push_back(std::move(sample));
    }
  }
  return rollout;
}

std::int64_t GroupPool::clear() {
  const std::int64_t count = size();
  groups_.clear();
  return count;
}

std::string GroupPool::saved() const {
  std::string bytes;
  for (const WaitingGroup& group : groups_) {
    const std::string prompt = prompt_bytes(group.prompt);
    const std::vector<std::uint8_t> samples = pack_samples(group.samples);
    const std::int64_t head[2] = {std::ssize(prompt), std::ssize(samples)};
    bytes.append(reinterpret_cast<const char*>(head), sizeof head);
    bytes += prompt;
    bytes.append(samples.begin(), samples.end());
  }
  return base::sha256_of(bytes) + bytes;
}

std::vector<WaitingGroup> parse_surplus(const std::string& saved, const std::string& where) {
  const std::string bytes = saved.substr(std::min(kHexDigest, saved.size()));
  if (saved.size() < kHexDigest || base::sha256_of(bytes) != saved.substr(0, kHexDigest))
    throw Error::user(
        {.what = "the groups that waited for the next step have another checksum than was written", .where = where});
  std::vector<WaitingGroup> groups;
  for (std::size_t at = 0; at < bytes.size();) {
    std::int64_t head[2];
    std::memcpy(head, bytes.data() + at, sizeof head);
    at += sizeof head;
    const auto prompt_size = static_cast<std::size_t>(head[0]), samples_size = static_cast<std::size_t>(head[1]);
    const auto* samples = reinterpret_cast<const std::uint8_t*>(bytes.data()) + at + prompt_size;
    groups.push_back({prompt_of(bytes.substr(at, prompt_size)), unpack_samples({samples, samples_size})});
    at += prompt_size + samples_size;
  }
  return groups;
}

bool keeps_surplus(const spec::Job& job) { return job.grpo.dynamic_sampling && job.grpo.keep_surplus; }

DynamicSampling::DynamicSampling(Session& session, std::vector<WaitingGroup> surplus) : session_(session) {
  pool_.restore(std::move(surplus));
}

Rollout DynamicSampling::roll_out(std::int64_t step) {
  const spec::GrpoJob& grpo = session_.job().grpo;
  const std::int64_t wanted = grpo.prompts_per_step, of_round = grpo.batch_multiplier * wanted;
  const std::int64_t waited = pool_.size();
  std::int64_t rounds = 0, dropped = 0;
  double graded = 0, rewards = 0;
  for (; pool_.size() < wanted; ++rounds) {
    if (rounds == grpo.max_sampling_rounds)
      throw Error::user({.what = base::text("after ", rounds, " rounds of ", of_round, " prompts step ", step, " has ",
                                            pool_.size(), " groups whose rewards differ, of ", wanted),
                         .where = "grpo.max_sampling_rounds",
                         .fix = "take prompts that the model answers rightly now and then, or raise it, "
                                "grpo.batch_multiplier or grpo.samples_per_prompt"});
    Rollout drawn = session_.generator.roll_out(next_prompts(session_.source, of_round), grpo.samples_per_prompt,
                                                draw_of(step, rounds));
    for (const GradedSample& one : drawn.samples) {
      if (one.outcome != Outcome::graded) continue;
      graded += 1;
      rewards += one.reward;
    }
    dropped += pool_.add(std::move(drawn), session_.job());
  }
  Rollout rollout = pool_.take(wanted);
  const std::int64_t discarded = grpo.keep_surplus ? 0 : pool_.clear();
  figures_ = {
      {"rounds", static_cast<double>(rounds)},        {"drawn", static_cast<double>(rounds * of_round)},
      {"equal", static_cast<double>(dropped)},        {"from_surplus", static_cast<double>(std::min(waited, wanted))},
      {"surplus", static_cast<double>(pool_.size())}, {"discarded", static_cast<double>(discarded)}};
  if (graded > 0) figures_["reward"] = rewards / graded;
  return rollout;
}

void DynamicSampling::add_figures(spec::StepRecord& record, const Rollout& rollout, std::int64_t version) const {
  record.dynamic_sampling = figures_;
  add_ages(record, rollout, version);
}

}  // namespace muster::loop
