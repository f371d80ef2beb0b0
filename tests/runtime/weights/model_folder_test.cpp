// Stores and folders: layouts, slices, random weights, and what is said of a folder that does not fit.
#include "runtime/weights/model_folder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>

#include "runtime/base/error.h"
#include "runtime/weights/float_parts.h"
#include "runtime/weights/quantized_blocks.h"
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

TEST(FloatParts, AreNumbersOfBf16WhoseSumIsEveryBitOfTheFloat) {
  const at::Tensor values = at::cat({at::randn({500}) * 7, at::tensor({5.003F, -0.1F, 0.0F, 1e30F, -3e-20F})});
  const at::Tensor parts = parts_of_floats(values), as_stored = parts.to(at::kBFloat16);
  EXPECT_TRUE(at::equal(as_stored.to(at::kFloat), parts));
  EXPECT_TRUE(at::equal(floats_of_parts(as_stored), values));
  EXPECT_FALSE(at::equal(as_stored[0].to(at::kFloat), values));
}

TEST(ModelFolder, ABiasThatChoosesExpertsKeepsItsDigitsInAStoreOfBf16) {
  const spec::ModelFacts facts = spec::read_model_facts(kModels / "mla");
  ShardStore store(shards_of(facts, {}, {}), at::kBFloat16, at::kCPU);
  load_weights(kModels / "mla", facts, store);
  const std::string name = "model.layers.1.mlp.gate.e_score_correction_bias";
  const at::Tensor in_file = WeightFolder(kModels / "mla").read(name, {{{0, 8}}});
  ASSERT_EQ(in_file.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(floats_of_parts(store.view(name)), in_file));
}

/// The folder of a model with some matrices in fp8 by blocks, and the values that they stand for.
std::map<std::string, at::Tensor> write_quantized(const fs::path& folder, const spec::ModelFacts& facts) {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  std::map<std::string, at::Tensor> meant;
  ShardStore whole = store_of(facts);
  fill_random(whole, 5, 0.3);
  for (const Shard& shard : whole.shards()) {
    const std::string& name = shard.parameter.name;
    at::Tensor value = whole.view(name).clone();
    if (spec::is_choice_bias(shard.parameter)) value = floats_of_parts(value);
    const bool is_quantized = name.find("_proj") != std::string::npos;
    if (is_quantized) {
      const std::int64_t rows = value.size(0), columns = value.size(1);
      const at::Tensor scales = at::rand(scales_shape({rows, columns})) + 0.01;
      const at::Tensor quantized = value.to(at::kFloat8_e4m3fn);
      value = quantized.to(at::kFloat);
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < columns; c += kBlock)
          value[r].slice(0, c, std::min(c + kBlock, columns)).mul_(scales[r / kBlock][c / kBlock]);
      tensors.emplace_back(name, quantized);
      tensors.emplace_back(name + "_scale_inv", scales);
    } else {
      tensors.emplace_back(name, value);
    }
    meant[name] = spec::is_choice_bias(shard.parameter) ? parts_of_floats(value) : value;
  }
  write_safetensors(folder / "model.safetensors", tensors);
  return meant;
}

spec::ModelFacts facts_with_edge_blocks() {
  spec::ModelFacts facts = spec::read_model_facts(kModels / "mla");
  facts.hidden_size = 200;
  facts.intermediate_size = 264;
  facts.kv_lora_rank = 136;
  facts.expert_intermediate_size = facts.shared_intermediate_size = 136;
  return facts;
}

TEST(ModelFolder, WeightsInFp8ByBlocksAreReadByEachRankWithTheScalesOfItsSlices) {
  const spec::ModelFacts facts = facts_with_edge_blocks();
  const tests::TemporaryFolder folder;
  const std::map<std::string, at::Tensor> meant = write_quantized(folder.path(), facts);
  EXPECT_TRUE(check_weights(folder.path(), facts).notes.empty());
  for (std::int64_t rank = 0; rank < 2; ++rank) {
    ShardStore part(shards_of(facts, {.tp = 2, .etp = 2}, {.tp = rank, .etp = rank}), at::kFloat, at::kCPU);
    load_weights(folder.path(), facts, part);
    for (const Shard& shard : part.shards())
      EXPECT_TRUE(same_bits(part.view(shard.parameter.name), window(meant.at(shard.parameter.name), shard.box)))
          << shard.parameter.name;
  }
}

TEST(ModelFolder, ScalesThatAreMissingOrOfOtherBlocksAreNamed) {
  const spec::ModelFacts facts = facts_with_edge_blocks();
  const tests::TemporaryFolder folder;
  const std::string name = "model.layers.0.self_attn.o_proj.weight";
  write_quantized(folder.path(), facts);
  const WeightFolder files(folder.path());
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const std::string& tensor : files.names()) {
    spec::Box all;
    for (const std::int64_t size : files.entry(tensor).shape) all.ranges.push_back({0, size});
    if (tensor == name + "_scale_inv") continue;
    const bool is_changed = tensor == "model.layers.0.mlp.down_proj.weight_scale_inv";
    tensors.emplace_back(tensor, is_changed ? at::ones({1, 1}) : files.read(tensor, all));
  }
  write_safetensors(folder.path() / "model.safetensors", tensors);
  try {
    check_weights(folder.path(), facts);
    FAIL();
  } catch (const Error& error) {
    const std::string said = error.what();
    EXPECT_NE(said.find("'" + name + "' is fp8, but its scales '" + name + "_scale_inv' of shape [2, 1] are missing"),
              std::string::npos)
        << said;
    EXPECT_NE(said.find("has the shape [1, 1] in F32, but blocks of 128 x 128 make it [2, 3]"), std::string::npos)
        << said;
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

/// A copy of a small model whose tensors `change` may rename, add to and take away.
class ChangedModel {
 public:
  using Tensors = std::map<std::string, at::Tensor>;
  ChangedModel(const std::string& name, const std::function<void(Tensors&)>& change)
      : facts(spec::read_model_facts(kModels / name)) {
    const WeightFolder files(kModels / name);
    Tensors tensors;
    for (const std::string& tensor : files.names()) {
      spec::Box box;
      for (const std::int64_t size : files.entry(tensor).shape) box.ranges.push_back({0, size});
      tensors[tensor] = files.read(tensor, box);
    }
    change(tensors);
    write_safetensors(path() / "model.safetensors", {tensors.begin(), tensors.end()});
  }

  fs::path path() const { return folder_.path(); }
  /// The weights in one store; notes: what is reported of them.
  at::Tensor load(std::vector<std::string>& notes) {
    ShardStore store = store_of(facts);
    notes = load_weights(path(), facts, store);
    return store.flat();
  }
  std::string refusal() {
    try {
      std::vector<std::string> notes;
      load(notes);
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      return error.what();
    }
  }

  spec::ModelFacts facts;

 private:
  tests::TemporaryFolder folder_;
};

at::Tensor weights_of(const std::string& name) {
  ShardStore store = store_of(spec::read_model_facts(kModels / name));
  EXPECT_TRUE(load_weights(kModels / name, spec::read_model_facts(kModels / name), store).empty());
  return store.flat();
}

TEST(ModelFolder, APrefixBeforeAllNamesIsReadAndReported) {
  for (const std::string prefix : {"module.", "_orig_mod.", "model.", "base_model.model."}) {
    ChangedModel model("qwen3", [&](ChangedModel::Tensors& tensors) {
      ChangedModel::Tensors renamed;
      for (auto& [name, tensor] : tensors) renamed[prefix + name] = tensor;
      tensors = renamed;
    });
    std::vector<std::string> notes;
    EXPECT_TRUE(same_bits(model.load(notes), weights_of("qwen3"))) << prefix;
    ASSERT_EQ(notes.size(), 1u) << prefix;
    EXPECT_NE(notes[0].find("without \"" + prefix + "\""), std::string::npos) << notes[0];
  }
}

TEST(ModelFolder, NamesOfABareDecoderAreRead) {
  ChangedModel model("llama", [](ChangedModel::Tensors& tensors) {
    ChangedModel::Tensors renamed;
    for (auto& [name, tensor] : tensors) renamed[name.starts_with("model.") ? name.substr(6) : name] = tensor;
    tensors = renamed;
  });
  std::vector<std::string> notes;
  EXPECT_TRUE(same_bits(model.load(notes), weights_of("llama")));
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("with \"model.\""), std::string::npos) << notes[0];
}

TEST(ModelFolder, AHeadOfItsOwnInATiedModelIsRefusedUnlessItIsTheEmbedding) {
  const auto with_head = [](double added, at::ScalarType type) {
    return [=](ChangedModel::Tensors& tensors) {
      at::Tensor head = tensors.at("model.embed_tokens.weight").clone();
      head[90][3] += added;  // of the last rows
      tensors["lm_head.weight"] = head.to(type);
    };
  };
  std::vector<std::string> notes;
  ChangedModel copy("qwen3", with_head(0, at::kBFloat16));
  EXPECT_TRUE(same_bits(copy.load(notes), weights_of("qwen3")));
  EXPECT_TRUE(notes.empty());
  ChangedModel wider("qwen3", with_head(0, at::kDouble));
  EXPECT_TRUE(same_bits(wider.load(notes), weights_of("qwen3")));
  ChangedModel own("qwen3", with_head(1, at::kBFloat16));
  EXPECT_NE(own.refusal().find("the files hold another 'lm_head.weight': transformers keeps that head"),
            std::string::npos);
  EXPECT_THROW(check_weights(own.path(), own.facts), Error);
  own.facts.tied_embeddings = false;
  EXPECT_EQ(own.refusal(), "");
  // Each rank of tp compares its own rows.
  ShardStore first = store_of(copy.facts, 2, 0), second = store_of(copy.facts, 2, 1);
  own.facts.tied_embeddings = true;
  EXPECT_NO_THROW(load_weights(own.path(), own.facts, first));
  EXPECT_THROW(load_weights(own.path(), own.facts, second), Error);
}

TEST(ModelFolder, TensorsThatTheModelHasNoPlaceForAreReportedOnce) {
  ChangedModel model("llama", [](ChangedModel::Tensors& tensors) {
    tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = at::zeros({8});
    tensors["extra"] = at::zeros({2, 2});
  });
  std::vector<std::string> notes;
  model.load(notes);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0], "1 tensor of the files is not read, for config.json (2 layers) has no place for it: extra");
  model.facts.num_layers = 1;
  model.load(notes);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0],
            "10 tensors of the files are not read, for config.json (1 layers) has no place for them: extra, "
            "model.layers.1.input_layernorm.weight, model.layers.1.mlp.down_proj.weight, ...");
  EXPECT_EQ(check_weights(model.path(), model.facts).notes, notes);
}

TEST(ModelFolder, ANeededTensorOfAnotherTypeIsRefusedByThatReason) {
  ChangedModel model("llama", [](ChangedModel::Tensors& tensors) {
    at::Tensor& norm = tensors.at("model.norm.weight");
    norm = norm.to(at::kInt);
  });
  EXPECT_NE(model.refusal().find("tensor 'model.norm.weight' has the type I32"), std::string::npos) << model.refusal();
}

TEST(ModelFolder, OfManyWrongTensorsAFewAreNamed) {
  spec::ModelFacts facts = spec::read_model_facts(kModels / "llama");
  facts.num_layers = 50;
  ShardStore store = store_of(facts);
  try {
    load_weights(kModels / "llama", facts, store);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.faults().size(), 21u);
    EXPECT_NE(
        std::string(error.what()).find("412 more tensors are wrong; the files hold 21, the first 'lm_head.weight'"),
        std::string::npos)
        << error.what();
  }
}

TEST(ModelFolder, TwoSetsOfWeightsAreRefused) {
  const tests::TemporaryFolder folder;
  for (const fs::directory_entry& file : fs::directory_iterator(kModels / "qwen2"))
    fs::copy_file(file.path(), folder.path() / file.path().filename());
  EXPECT_NO_THROW(WeightFolder{folder.path()});
  fs::copy_file(kModels / "llama/model.safetensors", folder.path() / "model.safetensors");
  try {
    const WeightFolder files(folder.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("two sets of weights"), std::string::npos) << error.what();
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
