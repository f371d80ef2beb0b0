#include "tests/support/tensor_support.h"

#include <ATen/ATen.h>

namespace muster::tests {

testing::AssertionResult near(const at::Tensor& a, const at::Tensor& b, double absolute, double relative) {
  if (a.sizes() != b.sizes())
    return testing::AssertionFailure() << "shapes differ: " << a.sizes() << " and " << b.sizes();
  if (a.numel() == 0) return testing::AssertionSuccess();
  const at::Tensor left = a.detach().to(at::kCPU, at::kDouble).flatten();
  const at::Tensor right = b.detach().to(at::kCPU, at::kDouble).flatten();
  const at::Tensor excess = (left - right).abs() - (absolute + relative * right.abs());
  const auto worst = excess.nan_to_num(1e300, 1e300, -1e300).argmax().item<std::int64_t>();
  if (!(excess[worst].item<double>() > 0) && !excess.isnan().any().item<bool>()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "worst at flat index " << worst << " of " << a.sizes() << ": "
                                     << left[worst].item<double>() << " against " << right[worst].item<double>()
                                     << " (tolerance " << absolute << " + " << relative << " x)";
}

testing::AssertionResult same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes())
    return testing::AssertionFailure() << "types or shapes differ";
  if (at::equal(a, b)) return testing::AssertionSuccess();
  const auto worst = a.detach().ne(b.detach()).flatten().to(at::kInt).argmax().item<std::int64_t>();
  return testing::AssertionFailure() << "bits differ first at flat index " << worst;
}

}  // namespace muster::tests
