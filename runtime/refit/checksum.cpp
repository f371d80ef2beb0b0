// From boxes to runs of neighbours.
#include "runtime/refit/checksum.h"

#include <ATen/ATen.h>

#include <numeric>

#include "runtime/base/error.h"
#include "runtime/ops/threads.h"

namespace muster::refit {
namespace {

/// A box as `num_runs` runs of `length` neighbours.
struct Runs {
  std::int64_t length = 1, num_runs = 1;
  std::size_t outer_dims = 0;  // dims that a run does not span
};

Runs runs_of(const spec::Box& box, std::span<const std::int64_t> shape) {
  Runs runs{.outer_dims = shape.size()};
  bool is_whole = true;  // every dim within is covered: its neighbours follow each other
  while (runs.outer_dims > 0 && is_whole) {
    --runs.outer_dims;
    const spec::Range& range = box.ranges[runs.outer_dims];
    runs.length *= range.size();
    is_whole = range.size() == shape[runs.outer_dims];
  }
  runs.num_runs = runs.length == 0 ? 0 : box.numel() / runs.length;
  return runs;
}

/// Index in the whole tensor of the first element of run `run`.
std::uint64_t first_of(std::int64_t run, std::size_t outer_dims, const spec::Box& box,
                       std::span<const std::int64_t> shape) {
  std::uint64_t index = 0, stride = 1;
  for (std::size_t dim = shape.size(); dim-- > 0;) {
    std::int64_t at = box.ranges[dim].begin;
    if (dim < outer_dims) {
      at += run % box.ranges[dim].size();
      run /= box.ranges[dim].size();
    }
    index += static_cast<std::uint64_t>(at) * stride;
    stride *= static_cast<std::uint64_t>(shape[dim]);
  }
  return index;
}

template <class Bits>
std::uint64_t sum_runs(const Bits* bits, const spec::Box& box, std::span<const std::int64_t> shape) {
  constexpr std::int64_t kPiece = 1 << 18;  // elements that one thread takes at once
  const Runs runs = runs_of(box, shape);
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(ops::num_threads()), 0);
  if (runs.num_runs == 1) {
    ops::parallel_rows((runs.length + kPiece - 1) / kPiece, 1, [&](std::int64_t begin, std::int64_t end, int thread) {
      const std::int64_t from = begin * kPiece, to = std::min(runs.length, end * kPiece);
      sums[thread] += checksum_of_run(bits + from, to - from,
                                      first_of(0, runs.outer_dims, box, shape) + static_cast<std::uint64_t>(from));
    });
  } else {
    ops::parallel_rows(runs.num_runs, kPiece / runs.length + 1, [&](std::int64_t begin, std::int64_t end, int thread) {
      std::uint64_t sum = 0;
      for (std::int64_t run = begin; run < end; ++run) {
        sum += checksum_of_run(bits + run * runs.length, runs.length, first_of(run, runs.outer_dims, box, shape));
      }
      sums[thread] += sum;
    });
  }
  return std::accumulate(sums.begin(), sums.end(), std::uint64_t{0});
}

}  // namespace

std::uint64_t checksum_of(const at::Tensor& piece, const spec::Box& box, std::span<const std::int64_t> shape) {
  INVARIANT(box.ranges.size() == shape.size() && piece.numel() == box.numel() && piece.is_contiguous(),
            "a piece holds its box, row after row");
  const at::Tensor here = piece.cpu();
  const void* const data = here.const_data_ptr();
  INVARIANT(piece.element_size() == 4 || piece.element_size() == 2, "weights have 2 or 4 bytes an element");
  if (piece.element_size() == 4) return sum_runs(static_cast<const std::uint32_t*>(data), box, shape);
  return sum_runs(static_cast<const std::uint16_t*>(data), box, shape);
}

}  // namespace muster::refit
