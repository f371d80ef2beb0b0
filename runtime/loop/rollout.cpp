#include "runtime/loop/rollout.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/comm/communicator.h"
#include "runtime/comm/gather_bytes.h"

namespace muster::loop {
namespace {

// A sample as bytes: ten numbers of 64 bits, then its tokens, log-probabilities, raw log-probabilities, the parts of
// its reward and its note. The changes of the weights follow the note, and stand as a count above the finish: a sample
// without any has the bytes that it always had.
constexpr std::size_t kHeadWords = 10;
constexpr int kFinishBits = 8;

void append(std::vector<std::uint8_t>& bytes, const void* data, std::size_t size) {
  if (size == 0) return;
  const std::size_t at = bytes.size();
  bytes.resize(at + size);
  std::memcpy(bytes.data() + at, data, size);
}

void pack(std::vector<std::uint8_t>& bytes, const GradedSample& scored) {
  const generate::Sample& sample = scored.sample;
  INVARIANT(sample.tokens.size() == sample.logprobs.size() && sample.tokens.size() == sample.raw_logprobs.size(),
            "each sampled token has its log-probabilities");
  const std::int64_t head[kHeadWords] = {sample.group,
                                         sample.index,
                                         static_cast<std::int64_t>(sample.finish) | std::ssize(sample.changes)
                                                                                        << kFinishBits,
                                         sample.weight_version,
                                         std::bit_cast<std::int64_t>(scored.reward),
                                         static_cast<std::int64_t>(scored.outcome),
                                         std::ssize(sample.tokens),
                                         std::bit_cast<std::int64_t>(scored.shaping),
                                         std::ssize(scored.parts),
                                         std::ssize(scored.note)};
  append(bytes, head, sizeof head);
  append(bytes, sample.tokens.data(), sample.tokens.size() * sizeof(std::int32_t));
  append(bytes, sample.logprobs.data(), sample.logprobs.size() * sizeof(float));
  append(bytes, sample.raw_logprobs.data(), sample.raw_logprobs.size() * sizeof(float));
  append(bytes, scored.parts.data(), scored.parts.size() * sizeof(double));
  append(bytes, scored.note.data(), scored.note.size());
  append(bytes, sample.changes.data(), sample.changes.size() * sizeof(generate::WeightChange));
}

template <class Values>
void take(Values& values, std::size_t count, const std::uint8_t*& at) {
  constexpr std::size_t kBytes = sizeof(typename Values::value_type);
  values.resize(count);
  if (count > 0) std::memcpy(values.data(), at, count * kBytes);
  at += count * kBytes;
}

GradedSample unpack(const std::uint8_t*& at) {
  std::int64_t head[kHeadWords];
  std::memcpy(head, at, sizeof head);
  at += sizeof head;
  GradedSample scored;
  scored.sample.group = head[0];
  scored.sample.index = head[1];
  scored.sample.finish = static_cast<generate::Finish>(head[2] & ((1 << kFinishBits) - 1));
  scored.sample.weight_version = head[3];
  scored.reward = std::bit_cast<double>(head[4]);
  scored.outcome = static_cast<Outcome>(head[5]);
  const auto count = static_cast<std::size_t>(head[6]);
  take(scored.sample.tokens, count, at);
  take(scored.sample.logprobs, count, at);
  take(scored.sample.raw_logprobs, count, at);
  scored.shaping = std::bit_cast<double>(head[7]);
  take(scored.parts, static_cast<std::size_t>(head[8]), at);
  take(scored.note, static_cast<std::size_t>(head[9]), at);
  take(scored.sample.changes, static_cast<std::size_t>(head[2] >> kFinishBits), at);
  return scored;
}

}  // namespace

std::vector<std::uint8_t> pack_samples(const std::vector<GradedSample>& samples) {
  std::vector<std::uint8_t> bytes;
  for (const GradedSample& sample : samples) pack(bytes, sample);
  return bytes;
}

std::int64_t packed_bytes(const std::vector<GradedSample>& samples) {
  std::size_t bytes = 0;
  for (const GradedSample& one : samples)
    bytes += kHeadWords * sizeof(std::int64_t) + one.sample.tokens.size() * (sizeof(std::int32_t) + 2 * sizeof(float)) +
             one.parts.size() * sizeof(double) + one.note.size() +
             one.sample.changes.size() * sizeof(generate::WeightChange);
  return static_cast<std::int64_t>(bytes);
}

std::vector<GradedSample> unpack_samples(std::span<const std::uint8_t> bytes) {
  std::vector<GradedSample> samples;
  const std::uint8_t* at = bytes.data();
  while (at < bytes.data() + bytes.size()) samples.push_back(unpack(at));
  return samples;
}

std::vector<GradedSample> exchange_samples(comm::Communicator& world, const std::vector<GradedSample>& own,
                                           std::int64_t num_groups, std::int64_t samples_per_prompt) {
  std::vector<GradedSample> all(static_cast<std::size_t>(num_groups * samples_per_prompt));
  std::vector<bool> seen(all.size(), false);
  world.wait_for_all("rollout");  // one rank may generate and grade for much longer than another
  for (const auto& part : comm::all_gather_bytes(world, pack_samples(own), "rollout")) {
    for (GradedSample& sample : unpack_samples(part)) {
      const auto place = static_cast<std::size_t>(sample.sample.group * samples_per_prompt + sample.sample.index);
      if (place >= all.size() || seen[place])
        throw Error::rank({.what = base::text("sample ", sample.sample.index, " of prompt ", sample.sample.group,
                                              " came twice or was not asked for")});
      seen[place] = true;
      all[place] = std::move(sample);
    }
  }
  const auto missing = std::find(seen.begin(), seen.end(), false);
  if (missing != seen.end())
    throw Error::rank({.what = base::text("sample ", (missing - seen.begin()) % samples_per_prompt, " of prompt ",
                                          (missing - seen.begin()) / samples_per_prompt, " was generated by no rank")});
  return all;
}

double graded_value(const GradedSample& scored) {
  INVARIANT(scored.outcome == Outcome::graded && !scored.parts.empty(), "a graded sample has its parts");
  return scored.parts.front();
}

void check_graded(const std::vector<GradedSample>& samples) {
  const auto count = [&](Outcome outcome) {
    return std::count_if(samples.begin(), samples.end(), [&](const GradedSample& s) { return s.outcome == outcome; });
  };
  if (samples.empty() || count(Outcome::graded) > 0) return;
  const auto noted =
      std::find_if(samples.begin(), samples.end(), [](const GradedSample& s) { return !s.note.empty(); });
  throw Error::user(
      {.what =
           base::text("not one of ", samples.size(), " answers could be graded (", count(Outcome::failed), " failed, ",
                      count(Outcome::timeout), " timed out)", noted == samples.end() ? "" : ": " + noted->note),
       .where = "[reward]",
       .fix = "the logs of the ranks say more; `muster-runtime grade` tries a reward by hand (README, Rewards)"});
}

void check_rewards(const Rollout& rollout, const spec::RewardJob& job) {
  constexpr double kLargest = 1e12;
  const std::vector<spec::RewardPart> parts = spec::reward_parts(job);
  for (const GradedSample& scored : rollout.samples) {
    if (scored.outcome != Outcome::graded || std::abs(scored.reward) <= kLargest) continue;
    std::string given;
    for (std::size_t p = 0; p < parts.size() && p < scored.parts.size(); ++p)
      given += base::text(p == 0 ? "" : ", ", parts[p].name, " gave ", scored.parts[p]);
    throw Error::user(
        {.what = base::text("the reward of an answer to row ", rollout.prompts[scored.sample.group].row, " is ",
                            scored.reward, " (", given, "): beyond 1e12 no advantage can be computed"),
         .where = "[reward]",
         .fix = "let it return rewards of a usual size, or clamp them with reward.source_min and source_max"});
  }
}

}  // namespace muster::loop
