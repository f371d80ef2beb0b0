// V: entries of the vocabulary.
#include "runtime/generate/filters.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace muster::generate {
namespace {

/// Brings the `count` largest to the front, in order.
template <class Larger>
void order_front(std::vector<std::int32_t>& entries, std::size_t count, const Larger& larger) {
  if (count < entries.size())
    std::nth_element(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(count), entries.end(), larger);
  std::sort(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(count), larger);
}

}  // namespace

void keep_top(std::span<float> z_V, std::int64_t top_k, double top_p) {
  const std::size_t num_entries = z_V.size();
  const bool has_top_k = top_k > 0 && static_cast<std::size_t>(top_k) < num_entries;
  if (num_entries == 0 || (!has_top_k && top_p >= 1)) return;
  std::vector<std::int32_t> entries(num_entries);
  std::iota(entries.begin(), entries.end(), 0);
  const auto z = [&](std::int32_t entry) { return z_V[entry]; };
  const auto larger = [&](std::int32_t a, std::int32_t b) { return z(a) > z(b) || (z(a) == z(b) && a < b); };

  std::size_t kept = has_top_k ? static_cast<std::size_t>(top_k) : num_entries;
  if (has_top_k) order_front(entries, kept, larger);
  if (top_p < 1) {
    const double maximum = static_cast<double>(*std::max_element(z_V.begin(), z_V.end()));
    const auto weight = [&](std::int32_t entry) { return std::exp(static_cast<double>(z(entry)) - maximum); };
    double total = 0;
    for (std::size_t i = 0; i < kept; ++i) total += weight(entries[i]);
    std::size_t ordered = has_top_k ? kept : 0;
    double sum = 0;
    std::size_t taken = 0;
    while (taken < kept && (taken == 0 || sum < top_p * total)) {
      if (taken == ordered) {  // sort only as far as the set reaches
        ordered = std::min(kept, std::max<std::size_t>(64, ordered * 8));
        order_front(entries, ordered, larger);
      }
      sum += weight(entries[taken++]);
    }
    kept = taken;
  }
  for (std::size_t i = kept; i < num_entries; ++i) z_V[entries[i]] = -std::numeric_limits<float>::infinity();
}

}  // namespace muster::generate
