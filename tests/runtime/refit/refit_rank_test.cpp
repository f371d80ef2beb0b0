#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/refit/refit.h"
#include "tests/runtime/refit/small_layouts.h"
#include "tests/support/run_ranks.h"
#include "tests/support/small_facts.h"
#include "tests/support/tensor_support.h"

#include <ATen/ATen.h>

namespace muster::refit {
namespace {

/// The stores of one rank under a layout.
struct Stores {
  std::unique_ptr<weights::ShardStore> trainer, generator;

  Stores(const spec::ModelFacts& facts, const RefitLayouts& layouts, std::int64_t rank, at::ScalarType gen_dtype) {
    trainer = made(facts, layouts.train, layouts.train_ranks, rank, at::kFloat);
    generator = made(facts, layouts.generate, layouts.gen_ranks, rank, gen_dtype);
  }

  static std::unique_ptr<weights::ShardStore> made(const spec::ModelFacts& facts, const spec::Degrees& degrees,
                                                   const std::vector<std::int64_t>& ranks, std::int64_t rank,
                                                   at::ScalarType dtype) {
    const auto found = std::find(ranks.begin(), ranks.end(), rank);
    if (found == ranks.end()) return nullptr;
    return std::make_unique<weights::ShardStore>(
        weights::shards_of(facts, degrees, spec::place_of(degrees, found - ranks.begin())), dtype, at::kCPU);
  }
};

/// Weights of a step: every element tells its parameter and place.
at::Tensor whole_of(const spec::Parameter& parameter, std::int64_t step) {
  const double name = static_cast<double>(parameter.name.size()) + 0.01 * static_cast<double>(parameter.expert);
  return (at::arange(parameter.numel(), at::kFloat) * 0.37 + name + static_cast<double>(step))
      .sin()
      .reshape(parameter.shape);
}

at::Tensor piece_of(const weights::Shard& shard, std::int64_t step) {
  at::Tensor piece = whole_of(shard.parameter, step);
  for (std::size_t dim = 0; dim < shard.box.ranges.size(); ++dim) {
    piece = piece.narrow(static_cast<std::int64_t>(dim), shard.box.ranges[dim].begin, shard.box.ranges[dim].size());
  }
  return piece;
}

void write_step(const weights::ShardStore& store, std::int64_t step) {
  for (const weights::Shard& shard : store.shards()) store.view(shard.parameter.name).copy_(piece_of(shard, step));
}

void expect_step(const weights::ShardStore& store, std::int64_t step) {
  for (const weights::Shard& shard : store.shards()) {
    ASSERT_TRUE(
        tests::same_bits(store.view(shard.parameter.name), piece_of(shard, step).to(store.flat().scalar_type())))
        << shard.parameter.name;
  }
}

void expect_refits(const Layout& layout, at::ScalarType gen_dtype = at::kFloat,
                   const spec::ModelFacts& facts = grouped_model()) {
  tests::run_ranks(static_cast<int>(layout.world_size), [&](tests::RankContext& rank) {
    for (const std::int64_t bucket_bytes : {300, 1 << 20}) {
      const Stores stores(facts, layout.layouts, rank.rank, gen_dtype);
      Refit refit(facts, layout.layouts, *rank.world, stores.trainer.get(), stores.generator.get(), gen_dtype,
                  bucket_bytes, true);
      for (std::int64_t step = 1; step <= 2; ++step) {
        if (stores.trainer) write_step(*stores.trainer, step);
        const RefitFigures figures = refit.run();
        if (stores.generator) expect_step(*stores.generator, step);
        const auto element_bytes = static_cast<std::int64_t>(c10::elementSize(gen_dtype));
        EXPECT_EQ(figures.sent_bytes, figures.least_bytes);
        EXPECT_EQ(figures.least_bytes, least_elements(facts, layout.layouts) * element_bytes);
        std::int64_t wanted = 0;
        for (std::int64_t place = 0; place < layout.layouts.generate.ranks(); ++place) {
          for (const auto& shard :
               weights::shards_of(facts, layout.layouts.generate, spec::place_of(layout.layouts.generate, place)))
            wanted += shard.numel;
        }
        EXPECT_EQ(figures.sent_bytes + figures.copied_bytes, wanted * element_bytes);
        EXPECT_EQ(figures.checked_tensors, static_cast<std::int64_t>(spec::parameters_of(facts).size()));
      }
    }
  });
}

TEST(RefitRanks, FromOneToTwoTensorRanks) { expect_refits(colocated("", {.dp = 2}, {.tp = 2})); }
TEST(RefitRanks, FromTwoTensorRanksToOne) { expect_refits(colocated("", {.tp = 2}, {.dp = 2})); }
TEST(RefitRanks, SplitOneAndOne) { expect_refits(split("", {}, {})); }
TEST(RefitRanks, SplitTwoAndOne) {
  expect_refits(split("", {.tp = 2}, {}));
  expect_refits(split("", {.dp = 2}, {}));
}
TEST(RefitRanks, SplitOneAndTwo) {
  expect_refits(split("", {}, {.tp = 2}));
  expect_refits(split("", {}, {.dp = 2}));
}
TEST(RefitRanks, KeyValueHeadsInSeveralCopies) {
  expect_refits(colocated("", {.tp = 2, .dp = 2}, {.tp = 4}));
  expect_refits(colocated("", {.tp = 4}, {.tp = 2, .dp = 2}));
}
TEST(RefitRanks, FromPipelineStages) {
  spec::ModelFacts tied = grouped_model();
  tied.tied_embeddings = true;  // on both ends of the pipeline
  expect_refits(colocated("", {.pp = 2}, {.dp = 2}), at::kFloat, tied);
  expect_refits(colocated("", {.pp = 2}, {.tp = 2}));
  expect_refits(split("", {.pp = 2}, {}), at::kFloat, tied);
  expect_refits(colocated("", {.tp = 2, .pp = 2}, {.dp = 4}), at::kBFloat16, tied);
  tied.num_layers = 4;
  expect_refits(colocated("", {.pp = 4}, {.dp = 4}), at::kFloat, tied);
  expect_refits(colocated("", {.pp = 4}, {.tp = 2, .dp = 2}), at::kFloat, tied);
  expect_refits(colocated("", {.dp = 2, .pp = 2}, {.tp = 2, .dp = 2}), at::kFloat, tied);
}

TEST(RefitRanks, TrainerToAGeneratorOfStages) {
  spec::ModelFacts tied = grouped_model(), untied = grouped_model();
  tied.tied_embeddings = true;
  tied.num_layers = untied.num_layers = 4;
  expect_refits(colocated("", {.dp = 2}, {.pp = 2}), at::kFloat, tied);
  expect_refits(colocated("", {.pp = 4}, {.tp = 2, .pp = 2}), at::kFloat, tied);
  expect_refits(colocated("", {.dp = 4, .fsdp = 1}, {.dp = 2, .pp = 2}), at::kFloat, untied);
  expect_refits(split("", {.pp = 2}, {.pp = 2}), at::kBFloat16, untied);
}
TEST(RefitRanks, FromParametersCutOverDp) {
  expect_refits(colocated("", {.dp = 2, .fsdp = 1}, {.dp = 2}));
  expect_refits(colocated("", {.dp = 2, .fsdp = 1}, {.tp = 2}));
  expect_refits(split("", {.dp = 2, .fsdp = 1}, {.tp = 2}));
  expect_refits(colocated("", {.dp = 4, .fsdp = 1}, {.dp = 4}));
  expect_refits(colocated("", {.dp = 4, .fsdp = 1}, {.tp = 2, .dp = 2}));
  expect_refits(colocated("", {.tp = 2, .dp = 2, .fsdp = 1}, {.tp = 2, .dp = 2}), at::kBFloat16);
}
TEST(RefitRanks, WholeExpertsToCutOnesAndBack) {
  spec::ModelFacts facts = grouped_model();
  facts.family = spec::Family::qwen3_moe;
  facts.num_experts = 4;
  facts.experts_per_token = 2;
  facts.expert_intermediate_size = 6;
  facts.num_layers = 3;
  facts.dense_layers = {0};
  const spec::Degrees cut{.tp = 2, .etp = 2}, whole{.tp = 2}, dealt{.ep = 2, .dp = 2};
  for (const spec::Degrees& train : {cut, whole, dealt})
    for (const spec::Degrees& generate : {cut, dealt}) expect_refits(colocated("", train, generate), at::kFloat, facts);
  expect_refits(colocated("", {.ep = 4, .dp = 4}, {.tp = 2, .etp = 2, .dp = 2}), at::kBFloat16, facts);
  expect_refits(colocated("", {.tp = 2, .ep = 2, .pp = 2}, {.tp = 2, .ep = 4, .dp = 2}), at::kFloat, facts);
  expect_refits(split("", {.ep = 2, .dp = 2}, {.tp = 2, .etp = 2}), at::kFloat, facts);
  expect_refits(split("", {.dp = 2, .fsdp = 1}, {.ep = 2, .dp = 2}), at::kFloat, facts);
}
TEST(RefitRanks, LatentAttentionAndTheBiasOfItsRouters) {
  const spec::ModelFacts facts = tests::small_facts(spec::Family::deepseek_v3, false);
  expect_refits(colocated("", {.ep = 2, .dp = 2, .pp = 2}, {.tp = 4, .etp = 4}), at::kFloat, facts);
  expect_refits(split("", {.tp = 2, .ep = 2}, {.tp = 2, .ep = 2}), at::kBFloat16, facts);
  expect_refits(colocated("", {.dp = 4, .fsdp = 1}, {.tp = 2, .etp = 2, .dp = 2}), at::kFloat, facts);
}
TEST(RefitRanks, SenderRoundsToTheGeneratorsType) {
  expect_refits(split("", {.tp = 2}, {}), at::kBFloat16);
  expect_refits(colocated("", {.dp = 2}, {.tp = 2}), at::kBFloat16);
}

/// A tensor above the size at which messages are shared travels from its window and to its window, whole or in rows.
TEST(RefitRanks, LargeTensorsTravelOnTheirOwn) {
  tests::run_ranks(2, [](tests::RankContext& rank) {
    spec::ModelFacts facts = grouped_model();
    facts.hidden_size = 512;
    facts.intermediate_size = 1024;
    facts.vocab_size = 2048;
    for (const Layout& layout : {split("", {}, {}), colocated("", {.tp = 2}, {.dp = 2})}) {
      for (const std::int64_t bucket_bytes : {3 << 19, 64 << 20}) {
        const Stores stores(facts, layout.layouts, rank.rank, at::kFloat);
        Refit refit(facts, layout.layouts, *rank.world, stores.trainer.get(), stores.generator.get(), at::kFloat,
                    bucket_bytes, true);
        if (stores.trainer) write_step(*stores.trainer, 1);
        const RefitFigures figures = refit.run();
        EXPECT_EQ(figures.sent_bytes, figures.least_bytes);
        if (stores.generator) expect_step(*stores.generator, 1);
      }
    }
  });
}

TEST(RefitRanks, AGeneratorThatLooksIntoTheTrainersBufferCopiesNothing) {
  tests::run_ranks(2, [](tests::RankContext& rank) {
    const spec::ModelFacts facts = grouped_model();
    const Layout layout = colocated("", {.tp = 2}, {.tp = 2});
    const Stores stores(facts, layout.layouts, rank.rank, at::kFloat);
    weights::ShardStore alias(stores.generator->shards(), stores.trainer->flat());
    Refit refit(facts, layout.layouts, *rank.world, stores.trainer.get(), &alias, at::kFloat, 1000, true);
    write_step(*stores.trainer, 4);
    const RefitFigures figures = refit.run();
    EXPECT_EQ(figures.copied_bytes + figures.sent_bytes, 0);
    expect_step(alias, 4);
  });
}

/// The two halves of run(), so that a test can change bits between them.
struct InTwoHalves : Refit {
  using Refit::Refit;
  using Refit::transfer;
  using Refit::verify;
};

TEST(RefitRanks, OneChangedBitInOneReplicaIsNamed) {
  for (const std::string victim : {"model.layers.1.self_attn.k_proj.weight", "model.norm.weight"}) {
    tests::run_ranks(4, [&](tests::RankContext& rank) {
      const spec::ModelFacts facts = grouped_model();
      const Layout layout = colocated("", {.dp = 4}, {.tp = 4});
      const Stores stores(facts, layout.layouts, rank.rank, at::kFloat);
      InTwoHalves refit(facts, layout.layouts, *rank.world, stores.trainer.get(), stores.generator.get(), at::kFloat,
                        1 << 20, true);
      write_step(*stores.trainer, 1);
      RefitFigures figures;
      refit.transfer(figures);
      refit.verify(figures);
      EXPECT_EQ(figures.sent_bytes, 0) << "each trainer holds everything";
      if (rank.rank == 2) {
        auto* const bits = static_cast<std::uint32_t*>(stores.generator->view(victim).mutable_data_ptr());
        bits[1] ^= 1U << 31;
      }
      try {
        refit.verify(figures);
        ADD_FAILURE() << "a changed bit was not seen";
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), base::ErrorKind::rank);
        ASSERT_EQ(error.faults().size(), 1U) << error.what();
        EXPECT_NE(error.faults()[0].what.find("'" + victim + "' in the generator"), std::string::npos) << error.what();
        const std::string ranks = victim == "model.norm.weight" ? "rank 2" : "ranks 0, 2";
        EXPECT_EQ(error.faults()[0].where, ranks) << "the ranks that hold the replica together";
      }
    });
  }
}

TEST(RefitRanks, TrainersThatDifferAreNamed) {
  tests::run_ranks(3, [](tests::RankContext& rank) {
    const spec::ModelFacts facts = grouped_model();
    const Layout layout = split("", {.dp = 2}, {});
    const Stores stores(facts, layout.layouts, rank.rank, at::kFloat);
    Refit refit(facts, layout.layouts, *rank.world, stores.trainer.get(), stores.generator.get(), at::kFloat, 1 << 20,
                true);
    if (stores.trainer) write_step(*stores.trainer, 1);
    if (rank.rank == 1) stores.trainer->flat().mul_(1.5);
    try {
      refit.run();
      ADD_FAILURE() << "the replicas of the trainer differ";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("in the trainer on rank 1"), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("more tensors"), std::string::npos) << error.what();
    }
  });
}

}  // namespace
}  // namespace muster::refit
