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

void expect_the_folder_of_one_rank(const std::string& model, const std::vector<spec::Degrees>& layouts) {
  const std::filesystem::path origin = std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/golden/model" / model;
  const spec::ModelFacts facts = spec::read_model_facts(origin);
  ShardStore whole(shards_of(facts, {}, {}), at::kFloat, at::kCPU);
  load_weights(origin, facts, whole);
  const tests::TemporaryFolder folder;
  for (const spec::Degrees& degrees : layouts) {
    const std::filesystem::path copy =
        folder.path() / base::text(degrees.tp, degrees.dp, degrees.pp, degrees.fsdp, degrees.ep, degrees.etp);
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

TEST(SaveFolder, RanksWriteTheFolderThatOneRankWrites) {
  // tp 4: two ranks share each key/value head. dp: the second replica has nothing to send.
  expect_the_folder_of_one_rank("llama",
                                {{.tp = 2}, {.tp = 4}, {.tp = 2, .dp = 2}, {.dp = 2, .pp = 2}, {.dp = 3, .fsdp = 1}});
}

TEST(SaveFolder, RanksThatHoldSomeOfTheExpertsWriteAllOfThem) {
  expect_the_folder_of_one_rank("moe", {{.tp = 2},
                                        {.tp = 2, .etp = 2},
                                        {.ep = 2, .dp = 2},
                                        {.tp = 2, .ep = 4, .dp = 2},
                                        {.ep = 2, .dp = 2, .pp = 2},
                                        {.dp = 3, .fsdp = 1}});
}

}  // namespace
}  // namespace muster::model
