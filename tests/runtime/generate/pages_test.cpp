#include "runtime/generate/pages.h"

#include <gtest/gtest.h>

#include <numeric>

#include "runtime/base/error.h"
#include "runtime/base/random.h"

namespace muster::generate {
namespace {

TEST(PagePool, SharedPagesComeBackWithTheirLastHolder) {
  PagePool pool(3);
  const std::int32_t page = pool.allocate();
  pool.share(page);
  EXPECT_EQ(pool.references(page), 2);
  pool.release(page);
  EXPECT_EQ(pool.num_free(), 2);
  pool.release(page);
  EXPECT_EQ(pool.num_free(), 3);
}

TEST(PagePool, RefusesWhatItDoesNotHave) {
  PagePool pool(1);
  EXPECT_THROW(pool.release(0), Error);
  EXPECT_THROW(pool.share(0), Error);
  EXPECT_EQ(pool.allocate(), 0);
  EXPECT_THROW(pool.allocate(), Error);
}

TEST(PagePool, ConservesPagesUnderRandomOperations) {
  const base::RandomKey key(7, base::Purpose::test);
  PagePool pool(23);
  std::vector<std::int32_t> held;  // one entry a reference
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const auto words = key.at(i);
    const std::uint32_t kind = words[0] % 3;
    if (kind == 0 && pool.num_free() > 0) {
      held.push_back(pool.allocate());
      ASSERT_EQ(pool.references(held.back()), 1);
    } else if (kind == 1 && !held.empty()) {
      held.push_back(held[words[1] % held.size()]);
      pool.share(held.back());
    } else if (kind == 2 && !held.empty()) {
      std::swap(held[words[1] % held.size()], held.back());
      pool.release(held.back());
      held.pop_back();
    }
    std::vector<std::int32_t> counts(23, 0);
    for (const std::int32_t page : held) ++counts[page];
    std::int64_t num_free = 0;
    for (std::int32_t page = 0; page < 23; ++page) {
      ASSERT_EQ(pool.references(page), counts[page]);
      num_free += counts[page] == 0 ? 1 : 0;
    }
    ASSERT_EQ(pool.num_free(), num_free);
  }
}

}  // namespace
}  // namespace muster::generate
