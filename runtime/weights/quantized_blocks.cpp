#include "runtime/weights/quantized_blocks.h"

#include <ATen/ATen.h>

#include "runtime/base/error.h"

namespace muster::weights {

std::string scales_name(const std::string& tensor) { return tensor + "_scale_inv"; }

std::vector<std::int64_t> scales_shape(const std::vector<std::int64_t>& matrix) {
  std::vector<std::int64_t> shape;
  for (const std::int64_t size : matrix) shape.push_back(spec::divided_up(size, kBlock));
  return shape;
}

spec::Box blocks_of(const spec::Box& box) {
  spec::Box blocks;
  for (const spec::Range& range : box.ranges)
    blocks.ranges.push_back({range.begin / kBlock, spec::divided_up(range.end, kBlock)});
  return blocks;
}

at::Tensor dequantized(const at::Tensor& quantized, const at::Tensor& scales, const spec::Box& box) {
  INVARIANT(box.ranges.size() == 2, "a matrix is quantised by blocks");
  at::Tensor of_elements = scales.to(at::kFloat);
  for (std::int64_t dim = 0; dim < 2; ++dim) {
    const spec::Range range = box.ranges[static_cast<std::size_t>(dim)];
    const at::Tensor blocks = at::arange(range.begin, range.end, at::kLong).floor_divide(kBlock);
    of_elements = of_elements.index_select(dim, blocks - range.begin / kBlock);
  }
  return quantized.to(at::kFloat) * of_elements;
}

}  // namespace muster::weights
