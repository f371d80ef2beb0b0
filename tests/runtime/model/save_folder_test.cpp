// A folder that one rank saved loads again.
#include "runtime/model/save_folder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/base/files.h"
#include "runtime/comm/solo_communicator.h"
#include "runtime/weights/model_folder.h"
#include "runtime/weights/safetensors.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensor_support.h"

namespace muster::model {
namespace {

using tests::same_bits;
using weights::load_weights;
using weights::ShardStore;
using weights::WeightFolder;
namespace fs = std::filesystem;

TEST(SaveFolder, ASavedFolderLoadsAgainWithItsCompanions) {
  const tests::TemporaryFolder folder;
  const fs::path origin = fs::path(MUSTER_SOURCE_DIR) / "tests/golden/model" / "qwen2", copy = folder.path() / "out";
  const spec::ModelFacts facts = spec::read_model_facts(origin);
  ShardStore store = ShardStore(weights::shards_of(facts, {}, {}), at::kFloat, at::kCPU);
  load_weights(origin, facts, store);
  const auto tp = comm::make_solo("tp");
  save_model_folder(*tp, {}, store, facts, origin, copy, spec::DataType::fp32);
  std::string config = base::read_file(origin / "config.json");
  config.replace(config.find("bfloat16"), 8, "float32");
  EXPECT_EQ(base::read_file(copy / "config.json"), config) << "numbers and keys stay as they were read";
  spec::ModelFacts again = spec::read_model_facts(copy);
  EXPECT_EQ(again.stored_dtype, spec::DataType::fp32);
  again.stored_dtype = facts.stored_dtype;
  EXPECT_EQ(again, facts);
  ShardStore loaded = ShardStore(weights::shards_of(facts, {}, {}), at::kFloat, at::kCPU);
  load_weights(copy, facts, loaded);
  EXPECT_TRUE(same_bits(loaded.flat(), store.flat()));
  EXPECT_TRUE(fs::exists(copy / "expected.json"));
  EXPECT_FALSE(fs::exists(copy / "model.safetensors.index.json"));
  EXPECT_FALSE(fs::exists(copy / "model-00001-of-00002.safetensors"));
  save_model_folder(*tp, {}, store, facts, "", folder.path() / "bf16", spec::DataType::bf16);
  EXPECT_EQ(WeightFolder(folder.path() / "bf16").entry("lm_head.weight").dtype, at::kBFloat16);
}

TEST(SaveFolder, StackedExpertsAreWrittenOneByOne) {
  const tests::TemporaryFolder folder;
  const fs::path origin = fs::path(MUSTER_SOURCE_DIR) / "tests/golden/model" / "moe-stacked",
                 copy = folder.path() / "out";
  const spec::ModelFacts facts = spec::read_model_facts(origin);
  EXPECT_TRUE(weights::check_weights(origin, facts).notes.empty());
  ShardStore store(weights::shards_of(facts, {}, {}), at::kFloat, at::kCPU);
  ShardStore again(weights::shards_of(facts, {}, {}), at::kFloat, at::kCPU);
  load_weights(origin, facts, store);
  save_model_folder(*comm::make_solo("tp"), {}, store, facts, origin, copy, spec::DataType::bf16);
  EXPECT_FALSE(WeightFolder(copy).has("model.layers.0.mlp.experts.gate_up_proj"));
  EXPECT_EQ(WeightFolder(copy).entry("model.layers.0.mlp.experts.2.up_proj.weight").shape,
            (std::vector<std::int64_t>{facts.expert_intermediate_size, facts.hidden_size}));
  load_weights(copy, facts, again);
  EXPECT_TRUE(same_bits(again.flat(), store.flat()));
  EXPECT_GT(store.flat().norm().item<double>(), 1);
}

TEST(SaveFolder, MoreWeightsThanAFileTakesLieInSeveralWithAnIndex) {
  const tests::TemporaryFolder folder;
  const fs::path origin = fs::path(MUSTER_SOURCE_DIR) / "tests/golden/model" / "qwen2", copy = folder.path() / "out";
  const spec::ModelFacts facts = spec::read_model_facts(origin);
  ShardStore store(weights::shards_of(facts, {}, {}), at::kFloat, at::kCPU),
      again(store.shards(), at::kFloat, at::kCPU);
  load_weights(origin, facts, store);
  const auto tensors = whole_parameters(*comm::make_solo("tp"), {}, store, facts, at::kFloat);
  write_model_folder(tensors, facts, origin, copy, spec::DataType::fp32,
                     static_cast<std::int64_t>(store.flat().nbytes()) / 3);
  EXPECT_FALSE(fs::exists(copy / "model.safetensors"));
  EXPECT_TRUE(fs::exists(copy / "model.safetensors.index.json"));
  EXPECT_TRUE(fs::exists(copy / "model-00002-of-00003.safetensors") ||
              fs::exists(copy / "model-00002-of-00004.safetensors"));
  EXPECT_EQ(WeightFolder(copy).names().size(), tensors.size());
  load_weights(copy, facts, again);
  EXPECT_TRUE(same_bits(again.flat(), store.flat()));
}

}  // namespace
}  // namespace muster::model
