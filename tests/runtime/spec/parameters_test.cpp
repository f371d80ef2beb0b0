#include "runtime/spec/parameters.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "runtime/spec/facts_schema.h"
#include "tests/support/small_facts.h"

namespace muster::spec {
namespace {
using tests::small_facts;

const std::filesystem::path kTemplates = std::filesystem::path(MUSTER_SOURCE_DIR) / "templates";
constexpr std::array kFamilies{Family::llama,     Family::qwen2,       Family::qwen3,
                               Family::qwen3_moe, Family::deepseek_v3, Family::nemotron_h};

TEST(Parameters, NamesAreThePublishedOnesAndOccurOnce) {
  const auto list = parameters_of(named_model_facts("deepseek-v3", kTemplates));
  std::map<std::string, const Parameter*> by_name;
  std::int64_t count = 0;
  for (const Parameter& parameter : list) {
    EXPECT_TRUE(by_name.emplace(parameter.name, &parameter).second) << parameter.name;
    std::int64_t numel = 1;
    for (const std::int64_t size : parameter.file_shape()) numel *= size;
    count += numel;
  }
  EXPECT_EQ(count, 671026419200);
  const auto shape = [&](const std::string& name) {
    return by_name.contains(name) ? by_name.at(name)->file_shape() : std::vector<std::int64_t>{};
  };
  EXPECT_EQ(shape("model.layers.0.mlp.gate_proj.weight"), (std::vector<std::int64_t>{18432, 7168}));
  EXPECT_EQ(shape("model.layers.3.mlp.experts.255.down_proj.weight"), (std::vector<std::int64_t>{7168, 2048}));
  EXPECT_EQ(shape("model.layers.60.mlp.shared_experts.up_proj.weight"), (std::vector<std::int64_t>{2048, 7168}));
  EXPECT_EQ(shape("model.layers.60.mlp.gate.e_score_correction_bias"), (std::vector<std::int64_t>{256}));
  EXPECT_EQ(by_name.at("model.layers.60.mlp.gate.e_score_correction_bias")->numel(), 3 * 256) << "held in parts";
  EXPECT_EQ(shape("model.layers.9.self_attn.q_a_proj.weight"), (std::vector<std::int64_t>{1536, 7168}));
  EXPECT_EQ(shape("model.layers.9.self_attn.kv_a_proj_with_mqa.weight"), (std::vector<std::int64_t>{576, 7168}));
  EXPECT_EQ(shape("model.layers.9.self_attn.kv_b_proj.weight"), (std::vector<std::int64_t>{32768, 512}));
  EXPECT_EQ(shape("model.layers.9.self_attn.o_proj.weight"), (std::vector<std::int64_t>{7168, 16384}));
}

TEST(Parameters, BlocksOfAFusedTensorFollowEachOtherAndFillIt) {
  const auto list = parameters_of(named_model_facts("nemotron-3-nano-30b-a3b", kTemplates));
  std::map<std::string, std::int64_t> rows;  // of each tensor of the files, so far
  for (const Parameter& parameter : list) {
    EXPECT_EQ(parameter.first_row, rows[parameter.file_tensor()]) << parameter.name;
    rows[parameter.file_tensor()] += parameter.shape[0];
  }
  EXPECT_EQ(rows.at("backbone.layers.0.mixer.in_proj.weight"), 2 * 4096 + 2 * 8 * 128 + 64);
  EXPECT_EQ(rows.at("backbone.layers.0.mixer.conv1d.weight"), 4096 + 2 * 8 * 128);
  EXPECT_EQ(rows.at("backbone.layers.1.mixer.experts.127.up_proj.weight"), 1856);
  EXPECT_EQ(rows.at("backbone.layers.5.mixer.k_proj.weight"), 256);
}

/// Legal layouts of the small models: all axes, uneven ends, virtual stages, fully sharded.
std::vector<Degrees> layouts(bool has_experts) {
  std::vector<Degrees> all;
  for (const std::int64_t tp : {1, 2, 4, 12}) {
    for (const std::int64_t cp : {1, 2}) {
      for (const std::int64_t dp : {1, 2, 3}) {
        for (const std::int64_t ep : {1, 2, 4, 8}) {
          const std::int64_t etp = ep == 1 ? tp : tp == 4 ? 2 : 1;
          if (tp * cp * dp % (ep * etp) != 0 || (ep > 1 && !has_experts)) continue;
          const Degrees flat{.tp = tp, .cp = cp, .ep = ep, .etp = etp, .dp = dp};
          for (const auto& [pp, vpp, first, last] : std::vector<std::array<std::int64_t, 4>>{
                   {1, 1, 0, 0}, {2, 1, 0, 0}, {5, 1, 0, 0}, {2, 1, 1, 0}, {3, 1, 1, 2}, {2, 1, 2, 3}, {2, 2, 0, 0}}) {
            Degrees layout = flat;
            layout.pp = pp;
            layout.vpp = vpp;
            layout.first_stage_layers = first;
            layout.last_stage_layers = last;
            if (layout.ranks() <= 96) all.push_back(layout);
          }
          if (ep == 1) all.push_back({.tp = tp, .cp = cp, .etp = tp, .dp = dp, .fsdp = 1});
        }
      }
    }
  }
  return all;
}

std::string shown(const Degrees& d) {
  return testing::PrintToString(std::vector<std::int64_t>{d.tp, d.cp, d.ep, d.etp, d.dp, d.pp, d.vpp,
                                                          d.first_stage_layers, d.last_stage_layers, d.fsdp});
}

/// How many ranks of one replica hold each element.
std::int64_t expected_holders(const ModelFacts& facts, const Parameter& parameter, const Degrees& degrees) {
  if (parameter.expert >= 0) return 1;
  if (parameter.cut == Cut::replicated) return degrees.tp;
  if (parameter.cut == Cut::kv_heads) return std::max<std::int64_t>(1, degrees.tp / facts.num_kv_heads);
  const bool is_tied = facts.tied_embeddings && parameter.layer < 0 && !parameter.is_after_layers;
  return is_tied && degrees.pp > 1 ? 2 : 1;  // the first stage's embedding, the last one's head
}

/// The boxes that the ranks of each replica hold, with the number of ranks. A replica of dense weights is one index of
/// dp_cp, of experts one of edp; fully sharded, all ranks are one replica.
std::map<std::int64_t, std::vector<std::pair<Box, std::int64_t>>> boxes_by_replica(const ModelFacts& facts,
                                                                                   const Parameter& parameter,
                                                                                   const Degrees& degrees) {
  std::map<std::int64_t, std::vector<std::pair<Box, std::int64_t>>> replicas;
  for (std::int64_t rank = 0; rank < degrees.ranks(); ++rank) {
    const Coordinates place = place_of(degrees, rank);
    auto& boxes = replicas[degrees.fsdp == 1 ? 0 : parameter.expert >= 0 ? place.edp : place.dp_cp];
    const Box box = box_of(facts, parameter, degrees, place);
    if (box.numel() == 0) continue;
    const auto same = std::find_if(boxes.begin(), boxes.end(), [&](const auto& entry) { return entry.first == box; });
    if (same == boxes.end()) {
      boxes.emplace_back(box, 1);
    } else {
      ++same->second;
    }
  }
  return replicas;
}

TEST(Parameters, EachReplicaHoldsEachElementOnceOrAsOftenAsTheTableSays) {
  std::mt19937 random(20261125);
  for (const Family family : kFamilies) {
    const bool tied = family == Family::llama || family == Family::qwen2;
    const ModelFacts facts = small_facts(family, tied);
    const auto list = parameters_of(facts);
    std::vector<Degrees> some = layouts(facts.num_experts > 0);
    std::shuffle(some.begin(), some.end(), random);
    some.resize(40);
    for (const Degrees& degrees : some) {
      for (const Parameter& parameter : list) {
        const auto replicas = boxes_by_replica(facts, parameter, degrees);
        for (const auto& [replica, boxes] : replicas) {
          std::int64_t covered = 0;
          for (std::size_t i = 0; i < boxes.size(); ++i) {
            covered += boxes[i].first.numel();
            ASSERT_EQ(boxes[i].second, expected_holders(facts, parameter, degrees))
                << parameter.name << " in " << shown(degrees);
            for (std::size_t j = 0; j < i; ++j)
              ASSERT_EQ(intersection(boxes[i].first, boxes[j].first).numel(), 0)
                  << parameter.name << " in " << shown(degrees);
          }
          ASSERT_EQ(covered, parameter.numel()) << parameter.name << " in " << shown(degrees);
        }
      }
    }
  }
}

TEST(Parameters, LocalElementsAreTheSumOfTheBoxes) {
  for (const Family family : kFamilies) {
    const ModelFacts facts = small_facts(family, family == Family::llama);
    const auto list = parameters_of(facts);
    std::vector<Degrees> some = layouts(facts.num_experts > 0);
    for (std::size_t i = 0; i < some.size(); i += 7) {
      for (std::int64_t rank = 0; rank < some[i].ranks(); rank += 5) {
        const Coordinates place = place_of(some[i], rank);
        Elements sum;
        for (const Parameter& parameter : list)
          (parameter.expert >= 0 ? sum.experts : sum.dense) += box_of(facts, parameter, some[i], place).numel();
        ASSERT_EQ(local_elements(facts, some[i], place), sum) << shown(some[i]) << " rank " << rank;
      }
    }
  }
}

TEST(Parameters, FullyShardedRowsDifferByOneAndMayRunOut) {
  const ModelFacts facts = small_facts(Family::qwen3, false);
  const Parameter norm{.name = "model.layers.0.self_attn.q_norm.weight", .shape = {6}, .layer = 0};
  const Degrees four{.dp = 4, .fsdp = 1}, eight{.dp = 8, .fsdp = 1};
  EXPECT_EQ(box_of(facts, norm, four, {.dp = 1}), (Box{{{2, 4}}}));
  EXPECT_EQ(box_of(facts, norm, four, {.dp = 3}), (Box{{{5, 6}}}));
  EXPECT_EQ(box_of(facts, norm, eight, {.dp = 7}).numel(), 0);
  const Parameter down{.name = "down", .shape = {24, 48}, .cut = Cut::columns, .layer = 0};
  EXPECT_EQ(box_of(facts, down, {.tp = 2, .dp = 3, .fsdp = 1}, {.tp = 1, .dp = 2}), (Box{{{16, 24}, {24, 48}}}));
}

TEST(Parameters, QueryHeadsMeetTheirOwnKeyHeads) {
  const ModelFacts facts = small_facts(Family::llama, true);
  for (const std::int64_t tp : {1, 2, 4, 12}) {
    for (std::int64_t index = 0; index < tp; ++index) {
      const Range query = query_heads_of(facts, tp, index);
      const Range key = kv_heads_of(facts, tp, index);
      for (std::int64_t head = query.begin; head < query.end; ++head) {
        EXPECT_GE(head / 3, key.begin);
        EXPECT_LT(head / 3, key.end);
      }
    }
  }
}

TEST(Parameters, FusedNeighboursStandNextToEachOther) {
  const auto list = parameters_of(small_facts(Family::qwen2, false));
  const auto index_of = [&](const std::string& name) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list[i].name == name) return static_cast<int>(i);
    }
    return -1000;
  };
  const int q = index_of("model.layers.1.self_attn.q_proj.weight");
  EXPECT_EQ(index_of("model.layers.1.self_attn.k_proj.weight"), q + 1);
  EXPECT_EQ(index_of("model.layers.1.self_attn.v_proj.weight"), q + 2);
  EXPECT_EQ(index_of("model.layers.1.self_attn.q_proj.bias"), q + 3);
  EXPECT_EQ(index_of("model.layers.1.mlp.up_proj.weight"), index_of("model.layers.1.mlp.gate_proj.weight") + 1);
  EXPECT_EQ(list.back().name, "lm_head.weight");
}

TEST(Parameters, BoxesMeetWhereBothHoldSomething) {
  const Box a{{{0, 4}, {2, 6}}}, b{{{3, 8}, {0, 3}}}, c{{{4, 8}, {0, 9}}};
  EXPECT_EQ(intersection(a, b), (Box{{{3, 4}, {2, 3}}}));
  EXPECT_EQ(intersection(a, b).numel(), 1);
  EXPECT_EQ(intersection(a, c).numel(), 0);
}

TEST(Parameters, TrainingFlopsEqualThePublishedFormulas) {
  const auto gflop_a_token = [](const char* model, double tokens) {
    return training_flops(named_model_facts(model, kTemplates), tokens) / tokens / 1e9;
  };
  EXPECT_NEAR(gflop_a_token("llama-3.1-8b", 1024), 45.8, 0.05);
  EXPECT_NEAR(gflop_a_token("llama-3.1-8b", 32768), 70.8, 0.05);
  EXPECT_NEAR(gflop_a_token("qwen3-32b", 4096), 205, 0.5);
  EXPECT_NEAR(gflop_a_token("qwen3-30b-a3b", 1024), 19.4, 0.05);
  EXPECT_NEAR(gflop_a_token("qwen3-30b-a3b", 32768), 56.8, 0.05);
  EXPECT_NEAR(gflop_a_token("qwen3-235b-a22b", 8192), 167, 0.5);
  EXPECT_NEAR(gflop_a_token("deepseek-v3", 1536), 231, 0.5);
  EXPECT_NEAR(gflop_a_token("deepseek-v3", 32768), 465, 0.5);
  // The hybrid by hand: six times the multiplied weights, 23 scans, attention of 6 layers.
  const ModelFacts nano = named_model_facts("nemotron-3-nano-30b-a3b", kTemplates);
  const double mamba = 2688.0 * (2 * 4096 + 2 * 1024 + 64) + 4096.0 * 2688;
  const double attention = 2688.0 * (4096 + 2 * 256 + 4096), experts = 2688.0 * 2 * (6 * 1856 + 3712);
  const double weights = 23 * mamba + 6 * attention + 23 * experts + 131072.0 * 2688;
  const double mixing = 23 * 21.0 * 4096 * 128 + 6 * 6.0 * 8192 * 4096;
  EXPECT_NEAR(training_flops(nano, 8192) / 8192, 6 * weights + mixing, 1);
}

TEST(Parameters, ATokenPassesThroughItsOwnExpertsOnly) {
  EXPECT_NEAR(static_cast<double>(active_parameter_count(named_model_facts("deepseek-v3", kTemplates))), 37.5e9, 0.1e9);
  EXPECT_NEAR(static_cast<double>(active_parameter_count(named_model_facts("qwen3-30b-a3b", kTemplates))), 3.3e9,
              0.1e9);
  EXPECT_EQ(active_parameter_count(named_model_facts("llama-3.1-8b", kTemplates)), 8030261248);
}

}  // namespace
}  // namespace muster::spec
