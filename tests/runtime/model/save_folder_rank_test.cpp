// A folder written by ranks that each hold a cut of the weights.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/model/save_folder.h"
#include "runtime/weights/model_folder.h"
#include "tests/support/run_ranks.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensor_support.h"

namespace muster::model {
namespace {

using weights::load_weights;
using weights::shards_of;
using weights::ShardStore;

TEST(SaveFolder, RanksWriteTheFolderThatOneRankWrites) {
  const std::filesystem::path origin = std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/golden/model/llama";
  const spec::ModelFacts facts = spec::read_model_facts(origin);
  ShardStore whole(shards_of(facts, {}, {}), at::kFloat, at::kCPU);
  load_weights(origin, facts, whole);
  const tests::TemporaryFolder folder;
  for (const int size : {2, 4}) {  // 4: two ranks share each key/value head
    const std::filesystem::path copy = folder.path() / std::to_string(size);
    tests::run_ranks(size, [&](tests::RankContext& rank) {
      ShardStore store(shards_of(facts, {.tp = size}, {.tp = rank.rank}), at::kFloat, at::kCPU);
      load_weights(origin, facts, store);
      save_model_folder(*rank.world, store, facts, origin, copy, spec::DataType::fp32);
    });
    ShardStore loaded(shards_of(facts, {}, {}), at::kFloat, at::kCPU);
    load_weights(copy, facts, loaded);
    EXPECT_TRUE(tests::same_bits(loaded.flat(), whole.flat()));
  }
}

}  // namespace
}  // namespace muster::model
