#include "runtime/refit/checksum.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/base/random.h"

namespace muster::refit {
namespace {

at::Tensor random_weights(std::int64_t rows, std::int64_t columns) {
  const base::RandomKey key(3, base::Purpose::test);
  at::Tensor whole = at::empty({rows, columns});
  for (std::int64_t i = 0; i < whole.numel(); ++i)
    whole.data_ptr<float>()[i] = static_cast<float>(key.normal(static_cast<std::uint64_t>(i)));
  return whole;
}

std::uint64_t sum_of_box(const at::Tensor& whole, const spec::Range& rows, const spec::Range& columns) {
  const at::Tensor piece =
      whole.narrow(0, rows.begin, rows.size()).narrow(1, columns.begin, columns.size()).contiguous();
  return checksum_of(piece, {{rows, columns}}, whole.sizes());
}

std::uint64_t sum_of(const at::Tensor& whole) { return sum_of_box(whole, {0, whole.size(0)}, {0, whole.size(1)}); }

TEST(Checksum, DoesNotDependOnTheCut) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor whole = random_weights(37, 53).to(type);
    const std::uint64_t expected = sum_of(whole);
    std::uint64_t by_rows = 0, by_columns = 0, by_blocks = 0;
    for (std::int64_t part = 0; part < 5; ++part) {
      const spec::Range rows = spec::part_of(37, 5, part), columns = spec::part_of(53, 5, part);
      by_rows += sum_of_box(whole, rows, {0, 53});
      by_columns += sum_of_box(whole, {0, 37}, columns);
      for (std::int64_t other = 0; other < 3; ++other)
        by_blocks += sum_of_box(whole, rows, spec::part_of(53, 3, other));
    }
    EXPECT_EQ(by_rows, expected);
    EXPECT_EQ(by_columns, expected);
    EXPECT_EQ(by_blocks, expected);
  }
}

TEST(Checksum, LongRunsAreCutOverThreadsWithoutChange) {
  const at::Tensor whole = random_weights(1, 700001);
  const auto* const bits = reinterpret_cast<const std::uint32_t*>(whole.data_ptr<float>());
  EXPECT_EQ(sum_of(whole), checksum_of_run(bits, 700001, 0));
  EXPECT_EQ(sum_of(whole), checksum_of_run(bits, 1000, 0) + checksum_of_run(bits + 1000, 699001, 1000));
}

TEST(Checksum, SeesEverySingleBit) {
  at::Tensor whole = random_weights(3, 40);
  const std::uint64_t expected = sum_of(whole);
  auto* const bits = reinterpret_cast<std::uint32_t*>(whole.data_ptr<float>());
  for (std::int64_t element = 0; element < whole.numel(); ++element) {
    for (int bit = 0; bit < 32; ++bit) {
      bits[element] ^= 1U << bit;
      ASSERT_NE(sum_of(whole), expected) << "element " << element << " bit " << bit;
      bits[element] ^= 1U << bit;
    }
  }
  EXPECT_EQ(sum_of(whole), expected);
}

TEST(Checksum, SeesExchangedElementsAndFlippedSigns) {
  at::Tensor whole = random_weights(3, 40);
  const std::uint64_t expected = sum_of(whole);
  float* const data = whole.data_ptr<float>();
  for (std::int64_t a = 0; a < whole.numel(); ++a) {
    for (std::int64_t b = 0; b < a; ++b) {
      std::swap(data[a], data[b]);
      ASSERT_NE(sum_of(whole), expected);
      std::swap(data[a], data[b]);
    }
  }
  const at::Tensor shifted = at::roll(whole, 1, 1), negated = whole.neg();
  EXPECT_NE(sum_of(shifted), expected);
  EXPECT_NE(sum_of(negated), expected);
}

}  // namespace
}  // namespace muster::refit
