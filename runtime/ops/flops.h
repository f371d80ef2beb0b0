// Floating-point operations of matrix products and attention that this process has executed, a product and a sum
// counted as two: what all else costs beside them is time, not FLOPs.
#pragma once

#include <cstdint>
#include <span>

namespace muster::ops {

void count_flops(double flops);
double counted_flops();
/// [rows, inner] x [inner, columns].
inline void count_product(std::int64_t rows, std::int64_t inner, std::int64_t columns) {
  count_flops(2.0 * static_cast<double>(rows) * static_cast<double>(inner) * static_cast<double>(columns));
}
/// Of a forward over so many pairs of a query and a key that it sees; a backward is twice as much.
inline double attention_flops(double pairs, std::int64_t num_heads, std::int64_t head_dim) {
  return 4.0 * pairs * static_cast<double>(num_heads * head_dim);
}
/// Pairs of `queries` new tokens that see each other causally and `before` earlier ones.
inline double causal_pairs(std::int64_t queries, std::int64_t before) {
  const auto q = static_cast<double>(queries);
  return q * static_cast<double>(before) + q * (q + 1) / 2;
}

}  // namespace muster::ops
