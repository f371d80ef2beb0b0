// Comparison of tensors in tests: names the worst index, both values and the tolerance.
#pragma once

#include <gtest/gtest.h>

namespace at {
class Tensor;
}

namespace muster::tests {

/// |a - b| <= absolute + relative * |b|, element by element, in float64; shapes must be equal.
testing::AssertionResult near(const at::Tensor& a, const at::Tensor& b, double absolute, double relative);
/// Same shape, type and bits.
testing::AssertionResult same_bits(const at::Tensor& a, const at::Tensor& b);

}  // namespace muster::tests
