// Drawing tokens from rows of logits where they lie: the form of a device that is not the CPU.
// Letters: R rows, V entries of this rank's part of the vocabulary, N slots.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace muster::generate {

/// draws_N6 int64 on the device: row, position, and the two words of key and of stream of the draw's random key. z is
/// logit x scale; the winner has the largest z + noise of its entry (of z itself when is_greedy), the lowest entry of
/// equals; the noise is that of draw_row in gumbel.h up to rounding. first_entry: of the whole vocabulary, that column
/// 0 is. Returns float64 [N, 5]: score, entry (-1: none), z of the entry, log-sum-exp of z over the part, and that
/// again.
using DrawRows = at::Tensor(const at::Tensor& logits_RV, const at::Tensor& draws_N6, double scale,
                            std::int64_t first_entry, bool is_greedy);
inline constexpr const char* kDrawRows = "draw_rows";

}  // namespace muster::generate
