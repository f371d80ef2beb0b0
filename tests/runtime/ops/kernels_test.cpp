// The loops of every instruction level that this CPU runs: exp against libm, and each level's attention against the
// chosen one's.
#include "runtime/ops/kernels/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "runtime/ops/threads.h"

namespace muster::ops {
namespace {

std::vector<float> wave(std::size_t count, float speed) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = std::sin(speed * static_cast<float>(i) + 0.3f);
  return values;
}

TEST(Kernels, ExponentialIsWithinTwoUnitsInTheLastPlace) {
  std::vector<float> x;
  for (float value = -86.9f; value < 87.9f; value += 0.00137f) x.push_back(value);
  x.insert(x.end(), {0.0f, -0.0f, 1e-30f, -1e-8f, std::log(2.0f), -0.5f * std::log(2.0f)});
  for (const char* level : {"v2", "v3", "v4"}) {
    const Kernels* const found = kernels_of(level);
    if (found == nullptr) continue;  // an older CPU
    std::vector<float> y(x.size());
    found->exponential(x.data(), y.data(), static_cast<Index>(x.size()));
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double exact = std::exp(static_cast<double>(x[i]));
      worst = std::max(worst, std::abs(y[i] - exact) /
                                  (std::nextafter(static_cast<float>(exact), 1e38f) - static_cast<float>(exact)));
    }
    EXPECT_LT(worst, 2.0) << level;
  }
}

TEST(Kernels, ExponentialSaturatesInsteadOfOverflowing) {
  const std::vector<float> x{-1000, -INFINITY, 1000};
  std::vector<float> y(3);
  kernels().exponential(x.data(), y.data(), 3);
  EXPECT_LT(y[0], 1e-37f);
  EXPECT_LT(y[1], 1e-37f);
  EXPECT_TRUE(std::isfinite(y[2]));
}

TEST(Kernels, AllLevelsAgreeOnAttention) {
  const Index T = 30, H = 6, K = 2, E = 20;
  const SpanLoop spans[] = {{0, 17, 0, 17, false}, {17, 9, 17, 9, true}, {26, 4, 26, 4, true}};
  const std::vector<float> q = wave(T * H * E, 0.7f), k = wave(T * K * E, 1.3f), v = wave(T * K * E, 0.9f),
                           upstream = wave(T * H * E, 0.4f);
  std::vector<std::vector<float>> results;
  for (const char* level : {"v2", "v3", "v4"}) {
    const Kernels* const found = kernels_of(level);
    if (found == nullptr) continue;
    std::vector<float> scratch(static_cast<std::size_t>(attention_scratch(26, H, K, E))), o(q.size()), lse(T * H),
        result(q.size() + 2 * k.size());
    for (Index head = 0; head < K; ++head) {
      AttentionLoop loop{.spans = spans,
                         .num_spans = 3,
                         .first_keys = 0,
                         .num_first = 17,
                         .num_heads = H,
                         .num_kv_heads = K,
                         .head_dim = E,
                         .kv_head = head,
                         .scale = 0.2f,
                         .q_THE = q.data(),
                         .k_TKE = k.data(),
                         .v_TKE = v.data(),
                         .o_THE = o.data(),
                         .lse_TH = lse.data(),
                         .do_THE = upstream.data(),
                         .dq_THE = result.data(),
                         .dk_TKE = result.data() + q.size(),
                         .dv_TKE = result.data() + q.size() + k.size(),
                         .scratch = scratch.data()};
      found->attention(loop);
      found->attention_backward(loop);
    }
    result.insert(result.end(), o.begin(), o.end());
    results.push_back(result);
  }
  for (const std::vector<float>& result : results)
    for (std::size_t i = 0; i < result.size(); ++i)
      ASSERT_NEAR(result[i], results[0][i], 1e-5f + 1e-5f * std::abs(results[0][i])) << i;
}

TEST(Threads, RowsAndTasksAreEachDoneOnce) {
  std::vector<int> done(1000);
  parallel_rows(1000, 10, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) ++done[i];
  });
  parallel_tasks(1000, [&](std::int64_t task, int) { ++done[task]; });
  EXPECT_EQ(done, std::vector<int>(1000, 2));
  EXPECT_THROW(parallel_tasks(5,
                              [](std::int64_t task, int) {
                                if (task == 3) throw std::runtime_error("raised again");
                              }),
               std::runtime_error);
  parallel_rows(0, 1, [](std::int64_t, std::int64_t, int) { FAIL() << "no rows, no call"; });
}

}  // namespace
}  // namespace muster::ops
