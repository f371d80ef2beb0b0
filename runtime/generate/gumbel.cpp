// Compiled with -O3 for three instruction levels; the loops below are written so that the compiler makes vectors of
// them.
#include "runtime/generate/gumbel.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MUSTER_LEVELS [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define MUSTER_LEVELS
#endif
#define MUSTER_INLINE [[gnu::always_inline]] inline

namespace muster::generate {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr std::int64_t kCounters = kDrawBlock / 4;  // Philox counters of a block of entries

/// exp for x <= 0 to two units in the last place; below -87 it gives exp(-87), about 1e-38.
MUSTER_INLINE float exp_below(float x) {
  x = x < -87.0F ? -87.0F : x;
  const float n = (x * 1.44269504088896F + 12582912.0F) - 12582912.0F;  // rounded to a whole number
  const float r = (x - n * 0.693359375F) + n * 2.12194440054690583e-4F;
  float p = 1.0F / 5040;
  p = p * r + 1.0F / 720;
  p = p * r + 1.0F / 120;
  p = p * r + 1.0F / 24;
  p = p * r + 1.0F / 6;
  p = p * r + 0.5F;
  const std::uint32_t power = (static_cast<std::uint32_t>(static_cast<std::int32_t>(n)) + 127U)
                              << 23;  // 2^n; of NaN anything
  return ((p * r) * r + r + 1.0F) * std::bit_cast<float>(power);
}

/// log for normal x > 0: the exponent, and a series in (m - 1) / (m + 1) for the mantissa m in [2/3, 4/3).
MUSTER_INLINE float log_of(float x) {
  const std::int32_t shifted = std::bit_cast<std::int32_t>(x) - 0x3F2AAAAB;
  const float exponent = static_cast<float>(shifted >> 23);
  const float m = std::bit_cast<float>((shifted & 0x007FFFFF) + 0x3F2AAAAB);
  const float s = (m - 1.0F) / (m + 1.0F);
  const float q = s * s;
  const float series = ((((1.0F / 11 * q + 1.0F / 9) * q + 1.0F / 7) * q + 1.0F / 5) * q + 1.0F / 3) * q;
  return exponent * 0.693147180559945F + 2.0F * (s + s * series);
}

/// (word + 0.5) / 2^32, to the last place.
MUSTER_INLINE float uniform(std::uint32_t word) {
  const auto high = static_cast<std::int32_t>(word >> 8), low = static_cast<std::int32_t>(word & 255U);
  return (static_cast<float>(high) * 256.0F + (static_cast<float>(low) + 0.5F)) * 0x1p-32F;
}

/// -log(-log(1 - u)). The inner logarithm of a number near 1 is mended by u / (1 - (1 - u)).
MUSTER_INLINE float gumbel(std::uint32_t word) {
  const float u = uniform(word), rest = uniform(~word);
  const float taken = 1.0F - rest;
  const float exponential = taken == 0.0F ? u : -log_of(rest) * (u / taken);
  return -log_of(exponential);
}

struct Words {
  std::uint32_t at[kDrawBlock];  // word w of counter i at w * kCounters + i
};

/// The four words of each of the counters first .. first + kCounters, and the least of all words.
MUSTER_INLINE std::uint32_t draw_words(std::uint32_t first, std::uint32_t position, std::uint32_t stream0,
                                       std::uint32_t stream1, std::uint32_t key0, std::uint32_t key1, Words& words) {
  std::uint32_t least = ~std::uint32_t{0};
#pragma omp simd reduction(min : least)
  for (std::int64_t i = 0; i < kCounters; ++i) {
    std::uint32_t c0 = first + static_cast<std::uint32_t>(i), c1 = position, c2 = stream0, c3 = stream1;
#pragma GCC unroll 10
    for (std::uint32_t round = 0; round < 10; ++round) {
      const std::uint64_t low = std::uint64_t{0xD2511F53} * c0, high = std::uint64_t{0xCD9E8D57} * c2;
      c0 = static_cast<std::uint32_t>(high >> 32) ^ c1 ^ (key0 + round * 0x9E3779B9U);
      c1 = static_cast<std::uint32_t>(high);
      c2 = static_cast<std::uint32_t>(low >> 32) ^ c3 ^ (key1 + round * 0xBB67AE85U);
      c3 = static_cast<std::uint32_t>(low);
    }
    words.at[i] = c0;
    words.at[1 * kCounters + i] = c1;
    words.at[2 * kCounters + i] = c2;
    words.at[3 * kCounters + i] = c3;
    std::uint32_t lower = c0 < c1 ? c0 : c1;
    lower = c2 < lower ? c2 : lower;
    lower = c3 < lower ? c3 : lower;
    least = lower < least ? lower : least;
  }
  return least;
}

/// Scores of one block; the largest.
MUSTER_INLINE float score_block(const float* z, const Words& words, float* scores) {
  float noise[kDrawBlock];
#pragma omp simd
  for (std::int64_t i = 0; i < kDrawBlock; ++i) noise[i] = gumbel(words.at[i]);
  float best = kNever;
#pragma omp simd reduction(max : best)
  for (std::int64_t i = 0; i < kCounters; ++i) {
    const float s0 = z[4 * i] + noise[i], s1 = z[4 * i + 1] + noise[kCounters + i];
    const float s2 = z[4 * i + 2] + noise[2 * kCounters + i], s3 = z[4 * i + 3] + noise[3 * kCounters + i];
    scores[4 * i] = s0;
    scores[4 * i + 1] = s1;
    scores[4 * i + 2] = s2;
    scores[4 * i + 3] = s3;
    const float upper = s0 > s1 ? s0 : s1, lower = s2 > s3 ? s2 : s3;
    const float highest = upper > lower ? upper : lower;
    best = highest > best ? highest : best;
  }
  return best;
}

/// No noise is larger: -log(-log(1 - u)) <= -log(u), and u >= 2^-(leading zeros + 1). With room for rounding.
MUSTER_INLINE float largest_noise(std::uint32_t least_word) {
  return static_cast<float>(std::countl_zero(least_word) + 1) * 0.6931472F + 1e-3F;
}

MUSTER_LEVELS void scale_into(const float* logits, std::int64_t count, float scale, float* z) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) z[i] = logits[i] * scale;
}

MUSTER_LEVELS float find_maxima(const float* z, std::int64_t num_blocks, float* maxima) {
  float highest = kNever;
  for (std::int64_t block = 0; block < num_blocks; ++block) {
    float best = kNever;
#pragma omp simd reduction(max : best)
    for (std::int64_t i = 0; i < kDrawBlock; ++i)
      best = z[block * kDrawBlock + i] > best ? z[block * kDrawBlock + i] : best;
    maxima[block] = best;
    highest = best > highest ? best : highest;
  }
  return highest;
}

MUSTER_LEVELS double sum_exponentials(const float* z, std::int64_t num_blocks, float maximum) {
  double sum = 0;
  for (std::int64_t block = 0; block < num_blocks; ++block) {
    float part = 0;
#pragma omp simd reduction(+ : part)
    for (std::int64_t i = 0; i < kDrawBlock; ++i) part += exp_below(z[block * kDrawBlock + i] - maximum);
    sum += static_cast<double>(part);
  }
  return sum;
}

MUSTER_LEVELS Winner draw_blocks_of(const DrawRow& row, const std::uint32_t* key, const std::uint32_t* stream,
                                    std::uint32_t position, std::int64_t likely_block) {
  Winner winner{.score = kNever};
  Words words;
  float scores[kDrawBlock];
  for (std::int64_t turn = -1; turn < row.num_blocks; ++turn) {
    if (turn == likely_block) continue;
    const std::int64_t block = turn < 0 ? likely_block : turn;
    if (!(row.block_maxima[block] + largest_noise(0) >= winner.score) || row.block_maxima[block] == kNever) continue;
    const std::int64_t first = row.first_block + block;
    const std::uint32_t least = draw_words(static_cast<std::uint32_t>(first * kCounters), position, stream[0],
                                           stream[1], key[0], key[1], words);
    if (!(row.block_maxima[block] + largest_noise(least) >= winner.score)) continue;
    const float best = score_block(row.z + block * kDrawBlock, words, scores);
    if (best < winner.score) continue;
    const std::int64_t entry = first * kDrawBlock + (std::find(scores, scores + kDrawBlock, best) - scores);
    if (best > winner.score || winner.entry < 0 || entry < winner.entry)
      winner = {best, entry};  // of equals the lowest
  }
  return winner;
}

}  // namespace

std::int64_t draw_blocks(std::int64_t begin, std::int64_t end) {
  return (end + kDrawBlock - 1) / kDrawBlock - begin / kDrawBlock;
}

void lay_row(const float* logits, std::int64_t begin, std::int64_t end, float scale, DrawRow& row) {
  row.first_block = begin / kDrawBlock;
  row.num_blocks = draw_blocks(begin, end);
  const std::int64_t lead = begin - row.first_block * kDrawBlock;
  std::fill_n(row.z, lead, kNever);
  scale_into(logits, end - begin, scale, row.z + lead);
  std::fill(row.z + lead + (end - begin), row.z + row.num_blocks * kDrawBlock, kNever);
}

RowFigures summarize_row(DrawRow& row) {
  RowFigures figures;
  figures.maximum = find_maxima(row.z, row.num_blocks, row.block_maxima);
  const std::int64_t block =
      std::find(row.block_maxima, row.block_maxima + row.num_blocks, figures.maximum) - row.block_maxima;
  const float* const z = row.z + std::min(block, row.num_blocks - 1) * kDrawBlock;
  const std::int64_t offset = std::find(z, z + kDrawBlock, figures.maximum) - z;
  figures.argmax =
      (row.first_block + std::min(block, row.num_blocks - 1)) * kDrawBlock + std::min(offset, kDrawBlock - 1);
  figures.log_sum_exp =
      static_cast<double>(figures.maximum) + std::log(sum_exponentials(row.z, row.num_blocks, figures.maximum));
  return figures;
}

Winner draw_row(const DrawRow& row, const base::RandomKey& key, std::int64_t position, std::int64_t likely) {
  return draw_blocks_of(row, key.key().data(), key.stream().data(), static_cast<std::uint32_t>(position),
                        likely / kDrawBlock - row.first_block);
}

float gumbel_of(std::uint32_t word) { return gumbel(word); }

}  // namespace muster::generate
