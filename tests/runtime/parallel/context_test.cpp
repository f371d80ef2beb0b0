// How the tokens of a packed row are cut over context parallelism.
#include "runtime/parallel/context.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "runtime/ops/flops.h"

namespace muster::parallel {
namespace {

std::vector<std::int64_t> list_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<std::int64_t>(), tensor.const_data_ptr<std::int64_t>() + tensor.numel()};
}

TEST(ContextChunks, OneEarlyAndOneLateChunkOfTwoTimesCp) {
  const auto chunks = context_chunks(16, 4, 1);
  EXPECT_EQ(chunks[0], (spec::Range{2, 4}));
  EXPECT_EQ(chunks[1], (spec::Range{12, 14}));
  for (const std::int64_t length : {0, 1, 3, 8, 37}) {
    for (const std::int64_t cp : {1, 2, 3, 8}) {
      std::vector<int> held(static_cast<std::size_t>(length));
      std::int64_t least = length, most = 0;
      for (std::int64_t rank = 0; rank < cp; ++rank) {
        std::int64_t own = 0;
        for (const spec::Range& chunk : context_chunks(length, cp, rank)) {
          own += chunk.size();
          for (std::int64_t token = chunk.begin; token < chunk.end; ++token) ++held[token];
        }
        least = std::min(least, own);
        most = std::max(most, own);
      }
      EXPECT_EQ(held, std::vector<int>(held.size(), 1)) << length << " over " << cp;
      EXPECT_LE(most - least, 1) << length << " over " << cp;
    }
  }
}

// Lengths of no multiple, a sequence shorter than 2 x cp, a prompt with its answers, an empty segment.
const std::vector<ops::Segment> kSegments{{0, 37, -1}, {37, 3, -1}, {40, 10, -1}, {50, 9, 2},
                                          {59, 0, 2},  {59, 1, 2},  {60, 12, -1}};
constexpr std::int64_t kRow = 72;

TEST(ContextShare, EveryTokenHasOneRankAndEveryKeyItsPlace) {
  for (const std::int64_t cp : {2, 3, 8}) {
    for (const std::int64_t multiple : {1, 4}) {
      std::set<std::int64_t> seen;
      std::vector<ContextShare> shares;
      for (std::int64_t rank = 0; rank < cp; ++rank) {
        shares.push_back(context_share(kSegments, cp, rank, multiple, at::kCPU));
        for (const std::int64_t token : shares.back().tokens) {
          if (token < 0) continue;
          EXPECT_TRUE(seen.insert(token).second) << token;
        }
      }
      EXPECT_EQ(std::ssize(seen), kRow);
      const auto T = std::ssize(shares[0].tokens);
      EXPECT_EQ(T % multiple, 0);
      EXPECT_LT(T, kRow / cp + std::ssize(kSegments) + multiple) << "filled up by a token a segment at most";
      const std::vector<std::int64_t> gathered = list_of(shares[0].gathered_of_key_J),
                                      keys = list_of(shares[0].key_of_gathered_J);
      ASSERT_EQ(std::ssize(gathered), cp * T);
      for (std::int64_t key = 0; key < cp * T; ++key) {
        EXPECT_EQ(keys[gathered[key]], key);
        const std::int64_t token = shares[gathered[key] / T].tokens[gathered[key] % T];
        EXPECT_EQ(token, key < kRow ? key : -1);
      }
      for (const ContextShare& share : shares) {
        EXPECT_EQ(list_of(share.gathered_of_key_J), gathered) << "the same on all ranks";
        std::int64_t next = 0;
        for (const ops::AttentionSpan& span : share.spans) {
          EXPECT_EQ(span.begin, next);
          next += span.length;
          EXPECT_LE(span.keys + span.num_keys, cp * T);
        }
        EXPECT_EQ(next, T);
      }
    }
  }
}

TEST(ContextShare, ALongSequenceIsTheSameWorkOnEveryRank) {
  constexpr std::int64_t kTokens = 4096, kCp = 8;
  double all = 0;
  std::vector<double> own;
  for (std::int64_t rank = 0; rank < kCp; ++rank) {
    own.push_back(ops::attention_flops(context_share({{0, kTokens, -1}}, kCp, rank, 1, at::kCPU).spans, 1, 1));
    all += own.back();
  }
  EXPECT_EQ(all, ops::attention_flops(ops::spans_of({{0, kTokens, -1}}), 1, 1));
  for (const double flops : own) EXPECT_NEAR(flops / (all / kCp), 1, 1e-3);
}

TEST(ContextShare, AnEmptyRowGivesEveryRankATokenThatSeesItself) {
  const ContextShare share = context_share({}, 2, 1, 1, at::kCPU);
  EXPECT_EQ(share.tokens, (std::vector<std::int64_t>{-1}));
  ASSERT_EQ(share.spans.size(), 1u);
  EXPECT_EQ(share.spans[0], (ops::AttentionSpan{.begin = 0, .length = 1, .keys = 1, .num_keys = 1}));
}

}  // namespace
}  // namespace muster::parallel
