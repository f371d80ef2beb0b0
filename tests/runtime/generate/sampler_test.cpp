#include "runtime/generate/sampler.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/comm/solo_communicator.h"

namespace muster::generate {
namespace {

at::Tensor normal_logits(std::int64_t rows, std::int64_t vocab_size, double spread = 1.5) {
  const base::RandomKey key(4, base::Purpose::test);
  at::Tensor logits_RV = at::empty({rows, vocab_size});
  for (std::int64_t i = 0; i < logits_RV.numel(); ++i) {
    logits_RV.data_ptr<float>()[i] = static_cast<float>(spread * key.normal(static_cast<std::uint64_t>(i)));
  }
  return logits_RV;
}

std::vector<SampledToken> drawn_of(const spec::SamplingJob& sampling, const at::Tensor& logits_RV,
                                   std::vector<SampleSlot> slots, std::int64_t step = 1) {
  for (SampleSlot& slot : slots) slot.step = step;
  const auto tp = comm::make_solo("tp");
  const Sampler sampler(sampling, 17, {0, logits_RV.size(1)}, logits_RV.size(1));
  std::vector<SampledToken> drawn;
  sampler.draw(*tp, logits_RV, slots, drawn);
  EXPECT_EQ(drawn.size(), slots.size());
  return drawn;
}

/// Draws of one row by many samples.
std::vector<SampleSlot> many_slots(std::int64_t count, std::int64_t row = 0) {
  std::vector<SampleSlot> slots;
  for (std::int64_t i = 0; i < count; ++i) slots.push_back({.row = row, .group = 3, .sample = i, .position = 5});
  return slots;
}

/// Pearson's statistic of the counts of tokens against the probabilities of one row.
double chi_square(const std::vector<SampledToken>& drawn, const at::Tensor& probabilities_V) {
  std::vector<double> counts(static_cast<std::size_t>(probabilities_V.numel()), 0);
  for (const SampledToken& one : drawn) ++counts.at(one.token);
  double sum = 0;
  for (std::size_t token = 0; token < counts.size(); ++token) {
    const double expected =
        static_cast<double>(drawn.size()) * probabilities_V[static_cast<std::int64_t>(token)].item<double>();
    sum += (counts[token] - expected) * (counts[token] - expected) / expected;
  }
  return sum;
}

TEST(Sampler, TokensAreDistributedAsTheSoftmaxSays) {
  const at::Tensor logits_RV = normal_logits(1, 20);
  for (const double temperature : {1.0, 0.6, 2.0}) {
    const auto drawn = drawn_of({.temperature = temperature}, logits_RV, many_slots(200000));
    const double statistic = chi_square(drawn, at::softmax(logits_RV[0].to(at::kDouble) / temperature, 0));
    EXPECT_LT(statistic, 45) << "19 degrees of freedom: 45 is exceeded once in a thousand";
    EXPECT_GT(statistic, 4);
  }
}

TEST(Sampler, StepsSamplesAndPositionsAreIndependent) {
  const at::Tensor logits_RV = at::zeros({1, 2});
  const auto ones_of_xor = [](const std::vector<SampledToken>& a, const std::vector<SampledToken>& b) {
    std::int64_t ones = 0;
    for (std::size_t i = 0; i < a.size(); ++i) ones += a[i].token ^ b[i].token;
    return ones;
  };
  auto slots = many_slots(20000);
  const auto base = drawn_of({}, logits_RV, slots);
  EXPECT_NEAR(static_cast<double>(ones_of_xor(base, drawn_of({}, logits_RV, slots, 2))), 10000, 300);
  for (SampleSlot& slot : slots) slot.position = 6;
  EXPECT_NEAR(static_cast<double>(ones_of_xor(base, drawn_of({}, logits_RV, slots))), 10000, 300);
  for (SampleSlot& slot : slots) slot.position = 5, slot.group = 4;
  EXPECT_NEAR(static_cast<double>(ones_of_xor(base, drawn_of({}, logits_RV, slots))), 10000, 300);
}

TEST(Sampler, LogProbabilitiesAreTheSoftmaxAfterTemperature) {
  const at::Tensor logits_RV = normal_logits(4, 300);
  const at::Tensor logprobs_RV = at::log_softmax(logits_RV.to(at::kDouble) / 0.7, 1);
  std::vector<SampleSlot> slots;
  for (std::int64_t row = 0; row < 4; ++row) {
    for (const SampleSlot& slot : many_slots(50, row)) slots.push_back(slot);
  }
  const auto drawn = drawn_of({.temperature = 0.7}, logits_RV, slots);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(drawn[i].logprob), logprobs_RV[slots[i].row][drawn[i].token].item<double>(), 2e-6);
    EXPECT_EQ(drawn[i].logprob, drawn[i].raw_logprob);
  }
}

TEST(Sampler, ADrawDoesNotDependOnItsBatch) {
  const at::Tensor logits_RV = normal_logits(9, 777);
  std::vector<SampleSlot> slots;
  for (std::int64_t row = 0; row < 9; ++row) slots.push_back({.row = row, .group = row, .sample = 2, .position = row});
  const auto together = drawn_of({}, logits_RV, slots);
  for (std::int64_t row = 0; row < 9; ++row) {
    SampleSlot slot = slots[row];
    slot.row = 0;
    const auto alone = drawn_of({}, logits_RV.narrow(0, row, 1), {slot});
    EXPECT_EQ(alone[0].token, together[row].token);
    EXPECT_EQ(alone[0].logprob, together[row].logprob) << "bit for bit";
  }
}

TEST(Sampler, TemperatureZeroTakesTheLargestAtTemperatureOne) {
  const at::Tensor logits_RV = normal_logits(5, 400);
  std::vector<SampleSlot> slots;
  for (std::int64_t row = 0; row < 5; ++row) slots.push_back({.row = row});
  const auto drawn = drawn_of({.temperature = 0, .top_p = 0.5, .top_k = 3}, logits_RV, slots);
  const at::Tensor logprobs_RV = at::log_softmax(logits_RV.to(at::kDouble), 1);
  for (std::int64_t row = 0; row < 5; ++row) {
    EXPECT_EQ(drawn[row].token, logits_RV[row].argmax().item<std::int64_t>());
    EXPECT_NEAR(static_cast<double>(drawn[row].logprob), logprobs_RV[row].max().item<double>(), 2e-6);
  }
}

TEST(Sampler, FiltersKeepTheirSetAndNormaliseOverIt) {
  const at::Tensor logits_RV = normal_logits(1, 60);
  const at::Tensor order = logits_RV[0].argsort(0, true);
  const auto drawn = drawn_of({.temperature = 0.8, .top_k = 5}, logits_RV, many_slots(50000));
  std::set<std::int64_t> tokens, allowed;
  for (std::int64_t i = 0; i < 5; ++i) allowed.insert(order[i].item<std::int64_t>());
  const at::Tensor scaled_V = logits_RV[0].to(at::kDouble) / 0.8;
  const at::Tensor kept = scaled_V.index_select(0, order.narrow(0, 0, 5));
  const double lse = kept.logsumexp(0).item<double>(), raw_lse = scaled_V.logsumexp(0).item<double>();
  for (const SampledToken& one : drawn) {
    tokens.insert(one.token);
    ASSERT_NEAR(static_cast<double>(one.logprob), scaled_V[one.token].item<double>() - lse, 2e-6);
    ASSERT_NEAR(static_cast<double>(one.raw_logprob), scaled_V[one.token].item<double>() - raw_lse, 2e-6);
  }
  EXPECT_EQ(tokens, allowed);
  const auto narrow = drawn_of({.temperature = 1, .top_p = 0.3}, logits_RV, many_slots(2000));
  const at::Tensor shares_V = at::softmax(logits_RV[0].to(at::kDouble), 0);
  double before = 0;
  std::set<std::int64_t> nucleus, drawn_tokens;
  for (std::int64_t i = 0; before < 0.3; ++i) {
    nucleus.insert(order[i].item<std::int64_t>());
    before += shares_V[order[i].item<std::int64_t>()].item<double>();
  }
  for (const SampledToken& one : narrow) drawn_tokens.insert(one.token);
  EXPECT_EQ(drawn_tokens, nucleus);
}

TEST(Sampler, AcceptsOtherFloatTypes) {
  const at::Tensor logits_RV = normal_logits(1, 100).to(at::kBFloat16);
  const auto drawn = drawn_of({}, logits_RV, many_slots(20));
  const auto same = drawn_of({}, logits_RV.to(at::kFloat), many_slots(20));
  for (std::size_t i = 0; i < drawn.size(); ++i) EXPECT_EQ(drawn[i].logprob, same[i].logprob);
}

TEST(Sampler, NamesTheSampleWhoseLogitsAreBroken) {
  at::Tensor logits_RV = normal_logits(1, 100);
  logits_RV[0][33] = std::numeric_limits<float>::quiet_NaN();
  try {
    drawn_of({}, logits_RV, many_slots(1));
    FAIL() << "NaN was sampled";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("group 3, sample 0"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace muster::generate
