// Attention over context parallelism against one rank's, over real processes; bytes on the wire against the formula.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/comm/call_log.h"
#include "runtime/comm/communicator.h"
#include "runtime/parallel/context.h"
#include "tests/support/run_ranks.h"
#include "tests/support/tensor_support.h"

namespace muster::parallel {
namespace {

using tests::near;

at::Tensor random(at::IntArrayRef shape, int seed) {
  return at::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions().dtype(at::kFloat));
}

const std::vector<ops::Segment> kSegments{{0, 37, -1}, {37, 3, -1}, {40, 10, -1}, {50, 9, 2},
                                          {59, 0, 2},  {59, 1, 2},  {60, 12, -1}};
constexpr std::int64_t kRow = 72, H = 6, K = 3, E = 8;

// This rank's rows of a whole one; ones where it is filled up, which nothing may notice.
at::Tensor own(const at::Tensor& whole, const ContextShare& share) {
  at::Tensor rows = at::ones({std::ssize(share.tokens), whole.size(1), whole.size(2)}, whole.options());
  for (std::size_t t = 0; t < share.tokens.size(); ++t)
    if (share.tokens[t] >= 0) rows[static_cast<std::int64_t>(t)].copy_(whole[share.tokens[t]]);
  return rows;
}

void expect_rows(const at::Tensor& found, const at::Tensor& whole, const ContextShare& share) {
  for (std::size_t t = 0; t < share.tokens.size(); ++t) {
    if (share.tokens[t] < 0) continue;
    EXPECT_TRUE(near(found[static_cast<std::int64_t>(t)], whole[share.tokens[t]], 1e-5, 1e-5)) << share.tokens[t];
  }
}

void compare(tests::RankContext& rank, std::int64_t keys_at_once_bytes) {
  comm::Communicator& cp = *rank.world;
  ContextShare share = context_share(kSegments, cp.size(), cp.rank(), 4, at::kCPU);
  share.keys_at_once_bytes = keys_at_once_bytes;
  const at::Tensor q = random({kRow, H, E}, 1).requires_grad_(true), k = random({kRow, K, E}, 2).requires_grad_(true),
                   v = random({kRow, K, E}, 3).requires_grad_(true), upstream = random({kRow, H, E}, 4);
  const at::Tensor whole = ops::packed_attention(q, k, v, kSegments);
  whole.backward(upstream);

  const auto leaf = [&](const at::Tensor& x) { return own(x.detach(), share).requires_grad_(true); };
  const at::Tensor own_q = leaf(q), own_k = leaf(k), own_v = leaf(v);
  const at::Tensor o = context_attention(cp, own_q, own_k, own_v, kSegments, share);
  expect_rows(o, whole, share);
  at::Tensor slopes = own(upstream, share);
  for (std::size_t t = 0; t < share.tokens.size(); ++t)
    if (share.tokens[t] < 0) slopes[static_cast<std::int64_t>(t)].zero_();
  o.backward(slopes);
  expect_rows(own_q.grad(), q.grad(), share);
  expect_rows(own_k.grad(), k.grad(), share);
  expect_rows(own_v.grad(), v.grad(), share);
  const at::InferenceMode no_graph;
  EXPECT_TRUE(tests::same_bits(context_attention(cp, own_q, own_k, own_v, kSegments, share), o.detach()));
}

TEST(ContextParallel, AttentionIsThatOfOneRank) {
  for (const int size : {1, 2, 3})
    tests::run_ranks(size, [](tests::RankContext& rank) { compare(rank, spec::kContextKeys_bytes); });
}

TEST(ContextParallel, HeadsAreGatheredAFewAtATime) {
  // 2 ranks of 40 tokens, 8 floats: 2,560 bytes a head.
  for (const std::int64_t bytes : {1, 6000})
    tests::run_ranks(2, [&](tests::RankContext& rank) { compare(rank, bytes); });
}

// What a rank puts in: its keys and values forward, the same again and the gradients of all keys and values backward
// (context.h), whether heads go together or one by one.
TEST(ContextParallel, BytesOnTheWireAreThoseOfTheFormula) {
  for (const std::int64_t at_once : {std::int64_t{1}, spec::kContextKeys_bytes})
    tests::run_ranks(2, [&](tests::RankContext& rank) {
      comm::CallLog calls;
      rank.world->set_observers({&calls});
      compare(rank, at_once);
      const ContextShare share = context_share(kSegments, 2, rank.rank, 4, at::kCPU);
      const std::int64_t T = std::ssize(share.tokens), row = T * K * E * 4;
      std::int64_t forward = 0, again = 0, gradients = 0;
      for (const comm::CallCount& call : calls.take()) {
        if (call.label == "cp.keys" || call.label == "cp.values") forward += call.bytes;
        if (call.label == "cp.keys_again" || call.label == "cp.values_again") again += call.bytes;
        if (call.label == "cp.key_gradients" || call.label == "cp.value_gradients") gradients += call.bytes;
      }
      EXPECT_EQ(forward, 2 * 2 * row) << "two forwards";
      EXPECT_EQ(again, 2 * row);
      EXPECT_EQ(gradients, 2 * 2 * row) << "of the keys of both ranks";
      rank.world->set_observers({});
    });
}

}  // namespace
}  // namespace muster::parallel
