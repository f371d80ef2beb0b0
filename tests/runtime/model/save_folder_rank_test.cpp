// A folder written by ranks that each hold a cut of the weights.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/base/text.h"
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
  // tp 4: two ranks share each key/value head. dp: the second replica has nothing to send.
  for (const spec::Degrees& degrees :
       {spec::Degrees{.tp = 2}, {.tp = 4}, {.tp = 2, .dp = 2}, {.dp = 2, .pp = 2}, {.dp = 3, .fsdp = 1}}) {
    const std::filesystem::path copy = folder.path() / base::text(degrees.tp, degrees.dp, degrees.pp, degrees.fsdp);
    tests::run_ranks(static_cast<int>(degrees.ranks()), [&](tests::RankContext& rank) {
      ShardStore store(shards_of(facts, degrees, spec::place_of(degrees, rank.rank)), at::kFloat, at::kCPU);
      load_weights(origin, facts, store);
      save_model_folder(*rank.world, degrees, store, facts, origin, copy, spec::DataType::fp32);
    });
    ShardStore loaded(shards_of(facts, {}, {}), at::kFloat, at::kCPU);
    load_weights(copy, facts, loaded);
    EXPECT_TRUE(tests::same_bits(loaded.flat(), whole.flat()));
  }
}

}  // namespace
}  // namespace muster::model
