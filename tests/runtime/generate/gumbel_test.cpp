#include "runtime/generate/gumbel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace muster::generate {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

struct LaidRow {
  std::vector<float> z, block_maxima;
  DrawRow row;
  RowFigures figures;
};

LaidRow laid(const std::vector<float>& logits_V, std::int64_t begin, std::int64_t end, float scale = 1) {
  LaidRow result;
  const auto blocks = static_cast<std::size_t>(draw_blocks(begin, end));
  result.z.resize(blocks * static_cast<std::size_t>(kDrawBlock));
  result.block_maxima.resize(blocks);
  result.row = {.z = result.z.data(), .block_maxima = result.block_maxima.data()};
  lay_row(logits_V.data() + begin, begin, end, scale, result.row);
  result.figures = summarize_row(result.row);
  return result;
}

std::vector<float> normal_logits(std::int64_t count, double spread, std::uint64_t seed) {
  const base::RandomKey key(seed, base::Purpose::test);
  std::vector<float> logits;
  for (std::int64_t i = 0; i < count; ++i)
    logits.push_back(static_cast<float>(spread * key.normal(static_cast<std::uint64_t>(i))));
  return logits;
}

/// The definition, entry by entry.
Winner drawn_plainly(const std::vector<float>& z_V, std::int64_t begin, std::int64_t end, const base::RandomKey& key,
                     std::int64_t position) {
  Winner winner{.score = kNever};
  for (std::int64_t entry = begin; entry < end; ++entry) {
    const auto words = key.at(static_cast<std::uint64_t>(position) << 32 | static_cast<std::uint64_t>(entry / 4));
    const float score = z_V[entry] + gumbel_of(words[entry % 4]);
    if (score > winner.score) winner = {score, entry};
  }
  return winner;
}

TEST(Gumbel, NoiseIsTheDoubleLogarithmToSingleAccuracy) {
  const base::RandomKey key(1, base::Purpose::test);
  for (std::uint64_t i = 0; i < 200000; ++i) {
    std::uint32_t word = key.at(i)[0];
    if (i < 5000) word = static_cast<std::uint32_t>(i);
    if (i >= 5000 && i < 10000) word = ~static_cast<std::uint32_t>(i - 5000);
    const double u = (static_cast<double>(word) + 0.5) * 0x1p-32;
    const double exact = -std::log(-std::log1p(-u));
    ASSERT_NEAR(static_cast<double>(gumbel_of(word)), exact, 5e-7 * (1 + std::abs(exact))) << "word " << word;
  }
}

TEST(Gumbel, DrawEqualsTheDefinitionThoughItSkipsBlocks) {
  for (const double spread : {0.0, 0.5, 3.0, 12.0}) {
    const auto logits = normal_logits(1000, spread, 5);
    LaidRow whole = laid(logits, 0, 1000);
    for (std::uint64_t sample = 0; sample < 200; ++sample) {
      const base::RandomKey key(9, base::Purpose::sampling, sample, 4);
      const Winner fast = draw_row(whole.row, key, 3, whole.figures.argmax);
      const Winner plain = drawn_plainly(logits, 0, 1000, key, 3);
      ASSERT_EQ(fast.entry, plain.entry) << "spread " << spread << " sample " << sample;
      ASSERT_NEAR(static_cast<double>(fast.score), static_cast<double>(plain.score), 1e-5);
    }
  }
}

TEST(Gumbel, AnyCutOfTheVocabularyHasTheSameWinner) {
  const auto logits = normal_logits(515, 2, 6);
  for (std::uint64_t sample = 0; sample < 100; ++sample) {
    const base::RandomKey key(9, base::Purpose::sampling, sample, 5);
    LaidRow whole = laid(logits, 0, 515);
    const Winner expected = draw_row(whole.row, key, 0, whole.figures.argmax);
    Winner best{.score = kNever};
    double sum = 0;
    for (const auto& [begin, end] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 130}, {130, 131}, {131, 385}, {385, 515}}) {
      LaidRow part = laid(logits, begin, end);
      const Winner winner = draw_row(part.row, key, 0, part.figures.argmax);
      EXPECT_GE(winner.entry, begin);
      EXPECT_LT(winner.entry, end);
      if (winner.score > best.score) best = winner;
      sum += std::exp(part.figures.log_sum_exp);
    }
    ASSERT_EQ(best.entry, expected.entry);
    ASSERT_EQ(best.score, expected.score) << "bit for bit";
    ASSERT_NEAR(std::log(sum), whole.figures.log_sum_exp, 1e-6);
  }
}

TEST(Gumbel, SummaryEqualsDoubleArithmetic) {
  const auto logits = normal_logits(49152, 4, 8);
  const LaidRow row = laid(logits, 0, 49152, 0.5F);
  double sum = 0;
  std::size_t largest = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    sum += std::exp(0.5 * static_cast<double>(logits[i]));
    if (logits[i] > logits[largest]) largest = i;
  }
  EXPECT_NEAR(row.figures.log_sum_exp, std::log(sum), 1e-6);
  EXPECT_EQ(row.figures.argmax, static_cast<std::int64_t>(largest));
}

TEST(Gumbel, BrokenLogitsAreSeen) {
  for (const float broken : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    auto logits = normal_logits(100, 1, 8);
    logits[70] = broken;
    EXPECT_FALSE(std::isfinite(laid(logits, 0, 100).figures.log_sum_exp));
  }
}

}  // namespace
}  // namespace muster::generate
