// Sampling by Gumbel noise: argmax of z + g, where g is a function of (key, position, vocabulary entry) alone. So the
// draw does not depend on the batch, the order, or how the vocabulary is cut. Loops over plain memory, no tensors.
#pragma once

#include <cstdint>

#include "runtime/base/random.h"

namespace muster::generate {

/// Entries of the vocabulary that are drawn together; a row begins at a multiple of it.
inline constexpr std::int64_t kDrawBlock = 64;

/// Scaled logits z of one row, or of a part of the vocabulary. Entries of the first and last block that lie outside
/// hold -infinity.
struct DrawRow {
  float* z = nullptr;             // [blocks * kDrawBlock]
  float* block_maxima = nullptr;  // [blocks]
  std::int64_t first_block = 0;   // of the whole vocabulary: z[0] is entry first_block * kDrawBlock
  std::int64_t num_blocks = 0;
};

/// What a row's softmax needs: the largest z, its entry, and log(sum(exp(z))).
struct RowFigures {
  float maximum = 0;
  std::int64_t argmax = 0;  // entry of the vocabulary; the lowest of equals
  double log_sum_exp = 0;
};

/// The winner of a draw.
struct Winner {
  float score = 0;          // z + g
  std::int64_t entry = -1;  // of the vocabulary; -1: none (every z is -infinity)
};

std::int64_t draw_blocks(std::int64_t begin, std::int64_t end);
/// Lays logits of entries begin .. end, times scale, into row.z (row's pointers and room are the caller's) and pads it.
void lay_row(const float* logits, std::int64_t begin, std::int64_t end, float scale, DrawRow& row);
/// Fills row.block_maxima and answers the figures. A NaN or +infinity among z makes log_sum_exp NaN.
RowFigures summarize_row(DrawRow& row);
/// The entry with the largest z + g, g = -log(-log(1 - u)), u the word `entry % 4` of key.at(position * 2^32 + entry /
/// 4) as a uniform number in (0, 1). Blocks that cannot win are skipped: the answer is exactly that of all entries.
/// `likely`: an entry that is looked at first. source: Maddison et al., "A* sampling", NIPS 2014.
Winner draw_row(const DrawRow& row, const base::RandomKey& key, std::int64_t position, std::int64_t likely);
/// The noise of one entry, as draw_row computes it.
float gumbel_of(std::uint32_t word);

}  // namespace muster::generate
