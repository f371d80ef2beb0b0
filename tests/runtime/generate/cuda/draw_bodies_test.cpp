// The body of the CUDA draw, run on the host thread by thread, against the CPU's draw: the same tokens and
// log-probabilities.
#include "runtime/generate/cuda/draw_bodies.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "runtime/base/random.h"
#include "runtime/generate/gumbel.h"
#include "tests/runtime/ops/cuda/host_block.h"

namespace muster::generate::cuda {
namespace {

std::vector<float> random_logits(std::int64_t count, std::uint64_t stream) {
  const base::RandomKey key(8, base::Purpose::test, stream);
  std::vector<float> logits;
  for (std::int64_t i = 0; i < count; ++i)
    logits.push_back(static_cast<float>(3 * key.normal(static_cast<std::uint64_t>(i))));
  return logits;
}

/// score, entry, z, log-sum-exp of the body.
std::array<double, 5> body_draw(const std::vector<float>& logits, const base::RandomKey& key, std::int64_t position,
                                std::int64_t first_entry, float scale, bool is_greedy) {
  const std::array<std::int64_t, 6> draw{0, position, key.key()[0], key.key()[1], key.stream()[0], key.stream()[1]};
  std::array<double, 5> best{};
  draw_of(ops::cuda::HostBlock(512),
          DrawLoop<float>{logits.data(), draw.data(), best.data(), std::ssize(logits), first_entry, scale, is_greedy},
          0);
  return best;
}

TEST(CudaDraw, NoiseIsThatOfTheCpu) {
  for (const std::uint32_t word : {0u, 1u, 255u, 256u, 12345678u, 0x7fffffffu, 0x80000000u, 0xfffffff0u, 0xffffffffu}) {
    EXPECT_NEAR(gumbel_noise(word), gumbel_of(word), 4e-6 * (1 + std::abs(gumbel_of(word)))) << word;
  }
  const base::RandomKey key(3, base::Purpose::test);
  const auto words = key.at((std::uint64_t{7} << 32) + 5);
  EXPECT_EQ(philox_words(5, 7, key.stream()[0], key.stream()[1], key.key()[0], key.key()[1]).at[2], words[2]);
}

TEST(CudaDraw, DrawsTheTokensOfTheCpuFromAnyPartOfTheVocabulary) {
  constexpr float kScale = 1.25f;
  for (const auto& [begin, end] : {std::pair<std::int64_t, std::int64_t>{0, 1000}, {0, 3}, {333, 1000}, {6, 131}}) {
    const std::vector<float> logits = random_logits(end - begin, static_cast<std::uint64_t>(begin));
    const std::int64_t num_blocks = draw_blocks(begin, end);
    std::vector<float> z(static_cast<std::size_t>(num_blocks * kDrawBlock)),
        maxima(static_cast<std::size_t>(num_blocks));
    DrawRow row{.z = z.data(), .block_maxima = maxima.data()};
    lay_row(logits.data(), begin, end, kScale, row);
    const RowFigures figures = summarize_row(row);
    const auto greedy = body_draw(logits, base::RandomKey(1, base::Purpose::test), 0, begin, kScale, true);
    EXPECT_EQ(greedy[1], static_cast<double>(figures.argmax));
    for (std::int64_t position = 0; position < 50; ++position) {
      const base::RandomKey key(4, base::Purpose::sampling, 9, static_cast<std::uint64_t>(position));
      const Winner winner = draw_row(row, key, position, figures.argmax);
      const auto best = body_draw(logits, key, position, begin, kScale, false);
      EXPECT_EQ(best[1], static_cast<double>(winner.entry)) << "position " << position;
      EXPECT_NEAR(best[0], winner.score, 1e-5);
      EXPECT_NEAR(best[2], logits[winner.entry - begin] * kScale, 1e-6);
      EXPECT_NEAR(best[3], figures.log_sum_exp, 1e-5);
    }
  }
}

TEST(CudaDraw, EntriesOfMinusInfinityAreNeverDrawnAndBrokenLogitsShow) {
  std::vector<float> logits(600, -INFINITY);
  logits[77] = 1;
  const base::RandomKey key(4, base::Purpose::test);
  const auto best = body_draw(logits, key, 3, 0, 1, false);
  EXPECT_EQ(best[1], 77);
  EXPECT_NEAR(best[3], 1, 1e-6);
  logits[78] = NAN;
  EXPECT_FALSE(std::isfinite(body_draw(logits, key, 3, 0, 1, false)[3]));
  logits[78] = INFINITY;
  EXPECT_FALSE(std::isfinite(body_draw(logits, key, 3, 0, 1, false)[3]));
}

}  // namespace
}  // namespace muster::generate::cuda
