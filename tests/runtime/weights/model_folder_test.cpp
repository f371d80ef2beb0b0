// Stores and folders: layouts, slices, random weights, and what is said of a folder that does not fit.
#include "runtime/weights/model_folder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/base/error.h"
#include "runtime/weights/safetensors.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensor_support.h"

namespace muster::weights {
namespace {

using tests::near;
using tests::same_bits;
namespace fs = std::filesystem;

const fs::path kModels = fs::path(MUSTER_SOURCE_DIR) / "tests/golden/model";

ShardStore store_of(const spec::ModelFacts& facts, std::int64_t tp = 1, std::int64_t tp_rank = 0) {
  return ShardStore(shards_of(facts, {.tp = tp}, {.tp = tp_rank}), at::kFloat, at::kCPU);
}

at::Tensor window(const at::Tensor& global, const spec::Box& box) {
  at::Tensor part = global;
  for (std::size_t dim = 0; dim < box.ranges.size(); ++dim)
    part = part.narrow(static_cast<std::int64_t>(dim), box.ranges[dim].begin, box.ranges[dim].size());
  return part;
}

TEST(ShardStore, ViewsAreWindowsAndNeighboursFuse) {
  const spec::ModelFacts facts = spec::read_model_facts(kModels / "qwen2");
  const ShardStore store(shards_of(facts, {}, {}), at::kFloat, at::kCPU, 64);
  EXPECT_EQ(store.flat().numel() % 64, 0);
  EXPECT_GE(store.flat().numel(), spec::parameter_count(facts));
  const std::string self = "model.layers.1.self_attn.";
  store.view(self + "k_proj.weight").fill_(3);
  store.view(self + "v_proj.bias").fill_(5);
  const at::Tensor qkv = store.fused(self + "q_proj.weight", self + "v_proj.weight"),
                   bias = store.fused(self + "q_proj.bias", self + "v_proj.bias");
  EXPECT_EQ(qkv.sizes(), at::IntArrayRef({(5 + 2) * 8, 40}));
  EXPECT_TRUE(near(qkv.narrow(0, 40, 8), at::full({8, 40}, 3.0), 0, 0));
  EXPECT_EQ(qkv.sum().item<float>(), 3 * 8 * 40);
  EXPECT_TRUE(near(bias.narrow(0, 48, 8), at::full({8}, 5.0), 0, 0));
  EXPECT_EQ(store.flat().sum().item<float>(), 3 * 8 * 40 + 5 * 8);
  const ShardStore second(store.shards(), store.flat());
  second.view("model.norm.weight").fill_(1);
  EXPECT_EQ(store.view("model.norm.weight").sum().item<float>(), 40);
  EXPECT_THROW(store.view("model.norm"), Error);
  EXPECT_THROW(store.fused(self + "v_proj.bias", self + "o_proj.weight"), Error);
}

TEST(ModelFolder, EachRankReadsItsSlicesOfTheWhole) {
  for (const char* name : {"llama", "qwen3", "qwen2"}) {
    const spec::ModelFacts facts = spec::read_model_facts(kModels / name);
    ShardStore whole = store_of(facts);
    load_weights(kModels / name, facts, whole);
    EXPECT_GT(whole.view("model.embed_tokens.weight").std().item<float>(), 0.1);
    const std::int64_t tp = facts.num_heads;  // more ranks than key/value heads: several hold the same one
    if (facts.intermediate_size % tp != 0 || facts.vocab_size % tp != 0) continue;
    for (std::int64_t rank = 0; rank < tp; ++rank) {
      ShardStore part = store_of(facts, tp, rank);
      load_weights(kModels / name, facts, part);
      for (const Shard& shard : part.shards())
        EXPECT_TRUE(same_bits(part.view(shard.parameter.name), window(whole.view(shard.parameter.name), shard.box)))
            << shard.parameter.name;
    }
  }
}

TEST(ModelFolder, NamesEveryTensorThatIsMissingOrOfAnotherShape) {
  spec::ModelFacts facts = spec::read_model_facts(kModels / "llama");
  facts.num_layers = 3;
  facts.intermediate_size = 96;
  ShardStore store = store_of(facts);
  try {
    load_weights(kModels / "llama", facts, store);
    FAIL();
  } catch (const Error& error) {
    const std::string said = error.what();
    EXPECT_NE(said.find("'model.layers.2.self_attn.q_proj.weight' of shape [64, 32] is missing"), std::string::npos)
        << said;
    EXPECT_NE(
        said.find("'model.layers.0.mlp.down_proj.weight' has the shape [32, 48], but config.json makes it [32, 96]"),
        std::string::npos)
        << said;
    EXPECT_EQ(error.faults().size(), 9u + 2 * 3);
  }
}

TEST(ModelFolder, RandomWeightsDoNotDependOnTheLayout) {
  const spec::ModelFacts facts = spec::read_model_facts(kModels / "qwen2");
  ShardStore whole = store_of(facts);
  fill_random(whole, 7, 0.05);
  const at::Tensor matrix = whole.view("model.layers.0.mlp.up_proj.weight");
  EXPECT_NEAR(matrix.std().item<double>(), 0.05, 0.005);
  EXPECT_NEAR(matrix.mean().item<double>(), 0, 0.005);
  EXPECT_TRUE(near(whole.view("model.norm.weight"), at::ones({40}), 0, 0));
  EXPECT_TRUE(near(whole.view("model.layers.1.self_attn.q_proj.bias"), at::zeros({40}), 0, 0));
  EXPECT_FALSE(at::equal(matrix, whole.view("model.layers.1.mlp.up_proj.weight")));
  ShardStore other = store_of(facts);
  fill_random(other, 8, 0.05);
  EXPECT_FALSE(at::equal(matrix, other.view("model.layers.0.mlp.up_proj.weight")));
  spec::ModelFacts even = facts;
  even.num_heads = 4;
  even.num_kv_heads = 2;
  ShardStore all = store_of(even);
  fill_random(all, 7, 0.05);
  for (std::int64_t rank = 0; rank < 4; ++rank) {
    ShardStore part = store_of(even, 4, rank);
    fill_random(part, 7, 0.05);
    for (const Shard& shard : part.shards())
      EXPECT_TRUE(same_bits(part.view(shard.parameter.name), window(all.view(shard.parameter.name), shard.box)));
  }
}

}  // namespace
}  // namespace muster::weights
