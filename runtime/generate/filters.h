// Top-k and top-p on one row of scaled logits.
#pragma once

#include <cstdint>
#include <span>

namespace muster::generate {

/// Sets to -infinity what the filters drop: first all but the `top_k` largest (0: off), then all but the smallest set
/// of the largest whose share of what is left reaches `top_p` (1: off). Of equals the lower entry counts as larger; the
/// largest always stays.
void keep_top(std::span<float> z_V, std::int64_t top_k, double top_p);

}  // namespace muster::generate
