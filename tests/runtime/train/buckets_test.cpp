#include "runtime/train/buckets.h"

#include <gtest/gtest.h>

#include "tests/runtime/train/twin.h"

namespace muster::train {
namespace {

TEST(Buckets, CoverTheBufferAndDealEachOut) {
  for (const std::int64_t parts : {1, 2, 4}) {
    for (const std::int64_t most : {1, 5, 24, 1000}) {
      std::int64_t kept = 0;
      for (std::int64_t part = 0; part < parts; ++part) {
        const std::vector<Bucket> buckets = make_buckets(96, most, parts, part);
        std::int64_t next = 0;
        kept = 0;
        for (const Bucket& bucket : buckets) {
          EXPECT_EQ(bucket.flat.begin, next);
          EXPECT_LE(bucket.flat.size(), most + parts - 1);
          EXPECT_EQ(bucket.own.size() * parts, bucket.flat.size());
          EXPECT_EQ(bucket.own.begin, bucket.flat.begin + part * bucket.own.size());
          EXPECT_EQ(bucket.kept, kept);
          kept += bucket.own.size();
          next = bucket.flat.end;
        }
        EXPECT_EQ(next, 96);
        EXPECT_EQ(kept, 96 / parts);
      }
    }
  }
}

TEST(Buckets, AUnitLiesWhereItsParametersLie) {
  const spec::ModelFacts facts = tiny_facts(spec::Family::qwen3);  // tied: the embedding is also the head's
  const weights::ShardStore store(weights::shards_of(facts, {}, {}), at::kFloat, at::kCPU);
  const std::vector<Bucket> buckets = make_buckets(store.flat().numel(), 100, 1, 0);
  const auto found = buckets_of_units(facts, store, buckets);
  const auto& embedding = store.shard("model.embed_tokens.weight");
  for (const model::Unit unit : {model::Unit{0}, facts.num_layers + 1})
    for (std::int64_t at = embedding.offset; at < embedding.offset + embedding.numel; ++at)
      EXPECT_EQ(std::count(found[unit].begin(), found[unit].end(), static_cast<std::size_t>(at / 100)), 1);
}

TEST(BackwardOrder, GivesTheLastBucketsFirstAndEachOnce) {
  // Unit 0 lies in bucket 0, unit 1 in 0 and 1, unit 2 in 2.
  BackwardOrder order({{0}, {0, 1}, {2}}, {false, false, false});
  order.begin(2);
  using Ready = std::vector<std::size_t>;
  EXPECT_EQ(order.leave(2), Ready{});
  EXPECT_EQ(order.leave(1), Ready{});
  EXPECT_EQ(order.leave(0), Ready{});
  EXPECT_EQ(order.leave(1), Ready{});  // bucket 1 is whole, but 2 comes first
  EXPECT_EQ(order.leave(2), (Ready{2, 1}));
  EXPECT_EQ(order.leave(0), Ready{0});
  EXPECT_EQ(order.finish(), Ready{});
  order.begin(1);
  EXPECT_EQ(order.leave(2), Ready{2});
  EXPECT_EQ(order.finish(), (Ready{1, 0}));
}

TEST(BackwardOrder, AHeldBucketAndARankWithoutWorkWaitForTheEnd) {
  BackwardOrder order({{0}, {1}}, {false, true});
  using Ready = std::vector<std::size_t>;
  order.begin(1);
  EXPECT_EQ(order.leave(1), Ready{});
  EXPECT_EQ(order.leave(0), Ready{});
  EXPECT_EQ(order.finish(), (Ready{1, 0}));
  order.begin(0);
  EXPECT_EQ(order.finish(), (Ready{1, 0}));
}

}  // namespace
}  // namespace muster::train
