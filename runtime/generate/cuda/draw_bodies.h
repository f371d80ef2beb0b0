// One draw from a row of logits by Gumbel noise. A block owns a draw; its threads walk the entries four at a time, the
// four that one Philox counter serves. Letters: V entries of this rank's part of the vocabulary.
#pragma once

#include "runtime/ops/cuda/score_bodies.h"

namespace muster::generate::cuda {

using ops::cuda::RunningSum;

struct Words {
  std::uint32_t at[4];
};

/// source: Salmon et al., SC 2011 (Philox4x32-10), as base/random.h has it.
MUSTER_BODY Words philox_words(std::uint32_t c0, std::uint32_t c1, std::uint32_t c2, std::uint32_t c3,
                               std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t low = std::uint64_t{0xD2511F53} * c0, high = std::uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<std::uint32_t>(high >> 32) ^ c1 ^ key0;
    c1 = static_cast<std::uint32_t>(high);
    c2 = static_cast<std::uint32_t>(low >> 32) ^ c3 ^ key1;
    c3 = static_cast<std::uint32_t>(low);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

/// (word + 0.5) / 2^32.
MUSTER_BODY float uniform_of(std::uint32_t word) {
  return (static_cast<float>(word >> 8) * 256.0f + (static_cast<float>(word & 255u) + 0.5f)) * 0x1p-32f;
}

/// -log(-log(1 - u)), exact at both ends: 1 - u is the uniform number of the inverted word.
MUSTER_BODY float gumbel_noise(std::uint32_t word) {
  const float u = uniform_of(word), rest = uniform_of(~word);
  return -logf(u < 0.5f ? -log1pf(-u) : -logf(rest));
}

struct DrawState {
  RunningSum sum;
  float score, z;
  std::int64_t entry;  // -1: none
};

MUSTER_BODY DrawState better_of(const DrawState& a, const DrawState& b) {
  const bool takes_b = b.entry >= 0 && (a.entry < 0 || b.score > a.score || (b.score == a.score && b.entry < a.entry));
  DrawState state = takes_b ? b : a;
  state.sum = ops::cuda::combined(a.sum, b.sum);
  return state;
}

template <class T>
struct DrawLoop {
  const T* logits_RV;
  const std::int64_t* draws_N6;
  double* best_N5;
  std::int64_t V, first_entry;
  float scale;
  bool is_greedy;
};

template <class T, class Block>
MUSTER_BODY void draw_of(const Block& block, const DrawLoop<T>& loop, std::int64_t draw) {
  const std::int64_t* const who = loop.draws_N6 + draw * 6;
  const T* const logits = loop.logits_RV + who[0] * loop.V;
  const std::int64_t end = loop.first_entry + loop.V, first_counter = loop.first_entry / 4,
                     last_counter = (end + 3) / 4;
  const DrawState best = block.reduce(
      [&](int thread) {
        DrawState own{{-INFINITY, 0.0f, 0.0f}, -INFINITY, 0.0f, -1};
        for (std::int64_t counter = first_counter + thread; counter < last_counter; counter += block.size()) {
          Words words{};
          if (!loop.is_greedy) {
            words = philox_words(static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(who[1]),
                                 static_cast<std::uint32_t>(who[4]), static_cast<std::uint32_t>(who[5]),
                                 static_cast<std::uint32_t>(who[2]), static_cast<std::uint32_t>(who[3]));
          }
          for (int word = 0; word < 4; ++word) {
            const std::int64_t entry = counter * 4 + word;
            if (entry < loop.first_entry || entry >= end) continue;
            const float z = ops::cuda::to_float(logits[entry - loop.first_entry]) * loop.scale;
            ops::cuda::add_logit(own.sum, z);
            const float score = loop.is_greedy ? z : z + gumbel_noise(words.at[word]);
            if (score > own.score) {
              own.score = score;
              own.z = z;
              own.entry = entry;
            }
          }
        }
        return own;
      },
      [](const DrawState& a, const DrawState& b) { return better_of(a, b); });
  block.each([&](int thread) {
    if (thread != 0) return;
    const double log_sum_exp = static_cast<double>(best.sum.maximum) + log(static_cast<double>(best.sum.sum));
    double* const out = loop.best_N5 + draw * 5;
    out[0] = static_cast<double>(best.score);
    out[1] = static_cast<double>(best.entry);
    out[2] = static_cast<double>(best.z);
    out[3] = log_sum_exp;
    out[4] = log_sum_exp;
  });
}

}  // namespace muster::generate::cuda
