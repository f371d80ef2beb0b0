#include "runtime/refit/route.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "runtime/refit/buckets.h"
#include "runtime/refit/refit.h"
#include "runtime/refit/replicas.h"
#include "tests/runtime/refit/small_layouts.h"
#include "tests/support/small_facts.h"

namespace muster::refit {
namespace {

std::vector<Layout> layouts() {
  std::vector<Layout> list;
  for (const std::int64_t train_tp : {1, 2, 4}) {
    for (const std::int64_t train_dp : {1, 2, 3}) {
      for (const std::int64_t train_pp : {1, 2}) {
        for (const std::int64_t gen_tp : {1, 2, 4}) {
          for (const std::int64_t gen_dp : {1, 2, 3}) {
            const spec::Degrees train{.tp = train_tp, .dp = train_dp, .pp = train_pp},
                generate{.tp = gen_tp, .dp = gen_dp};
            const std::string name = "train tp " + std::to_string(train_tp) + " dp " + std::to_string(train_dp) +
                                     " pp " + std::to_string(train_pp) + " gen tp " + std::to_string(gen_tp) + " dp " +
                                     std::to_string(gen_dp);
            list.push_back(colocated("colocated " + name, train, generate));
            list.push_back(split("split " + name, train, generate));
            if (train_dp == 1 || train_pp > 1) continue;
            spec::Degrees sharded = train;
            sharded.fsdp = 1;
            list.push_back(colocated("colocated fsdp " + name, sharded, generate));
            list.push_back(split("split fsdp " + name, sharded, generate));
          }
        }
      }
    }
  }
  return list;
}

/// Flat indices of a box of up to two dims.
std::vector<std::size_t> elements_of(const spec::Box& box, const std::vector<std::int64_t>& shape) {
  std::vector<std::size_t> elements;
  const spec::Range rows = box.ranges[0], columns = box.ranges.size() > 1 ? box.ranges[1] : spec::Range{0, 1};
  const std::int64_t width = shape.size() > 1 ? shape[1] : 1;
  for (std::int64_t row = rows.begin; row < rows.end; ++row) {
    for (std::int64_t column = columns.begin; column < columns.end; ++column)
      elements.push_back(static_cast<std::size_t>(row * width + column));
  }
  return elements;
}

bool trains(const spec::ModelFacts& facts, const RefitLayouts& layouts, const spec::Parameter& parameter,
            std::int64_t run_rank, const spec::Box& box) {
  const auto found = std::find(layouts.train_ranks.begin(), layouts.train_ranks.end(), run_rank);
  if (found == layouts.train_ranks.end()) return false;
  const spec::Box own =
      spec::box_of(facts, parameter, layouts.train, spec::place_of(layouts.train, found - layouts.train_ranks.begin()));
  return spec::intersection(own, box) == box;
}

TEST(Route, EveryElementOfEveryTargetArrivesOnceFromARankThatHasIt) {
  const spec::ModelFacts facts = grouped_model();
  const auto parameters = spec::parameters_of(facts);
  for (const Layout& layout : layouts()) {
    const RefitLayouts& layouts = layout.layouts;
    std::map<std::pair<std::int64_t, std::int64_t>, std::vector<int>> arrivals;  // of (parameter, target)
    std::int64_t crossing = 0;
    for (const Transfer& transfer : plan_route(facts, layouts)) {
      const spec::Parameter& parameter = parameters.at(transfer.parameter);
      ASSERT_TRUE(trains(facts, layouts, parameter, transfer.source, transfer.box)) << layout.name;
      if (transfer.source != transfer.target) {
        ASSERT_FALSE(trains(facts, layouts, parameter, transfer.target, transfer.box))
            << "the target has it itself: " << layout.name;
        crossing += transfer.box.numel();
      }
      auto& counts = arrivals[{transfer.parameter, transfer.target}];
      counts.resize(static_cast<std::size_t>(parameter.numel()), 0);
      for (const std::size_t element : elements_of(transfer.box, parameter.shape)) ++counts[element];
    }
    ASSERT_EQ(crossing, least_elements(facts, layouts)) << layout.name;
    for (std::size_t gen_rank = 0; gen_rank < layouts.gen_ranks.size(); ++gen_rank) {
      for (std::size_t index = 0; index < parameters.size(); ++index) {
        const spec::Box wanted = spec::box_of(facts, parameters[index], layouts.generate,
                                              spec::place_of(layouts.generate, static_cast<std::int64_t>(gen_rank)));
        std::vector<int> expected(static_cast<std::size_t>(parameters[index].numel()), 0);
        for (const std::size_t element : elements_of(wanted, parameters[index].shape)) expected[element] = 1;
        ASSERT_EQ((arrivals[{static_cast<std::int64_t>(index), layouts.gen_ranks[gen_rank]}]), expected)
            << layout.name << " " << parameters[index].name;
      }
    }
  }
}

TEST(Holders, AreTheRanksWhoseBoxesAreEqualInTheOrderOfTheirRole) {
  const std::vector<spec::Degrees> all{{.tp = 2, .ep = 4, .dp = 4, .pp = 3},
                                       {.tp = 4, .etp = 4, .dp = 2},
                                       {.tp = 2, .cp = 2, .ep = 2, .dp = 2},
                                       {.tp = 2, .dp = 3, .fsdp = 1}};
  for (const spec::Family family : {spec::Family::qwen3_moe, spec::Family::deepseek_v3}) {
    const spec::ModelFacts facts = tests::small_facts(family, true);
    for (const spec::Degrees& degrees : all) {
      const auto ranks = ranks_from(7, degrees.ranks());
      const Holders holders(facts, degrees, ranks);
      for (const spec::Parameter& parameter : spec::parameters_of(facts)) {
        std::vector<Holding> expected;  // asked of every rank
        for (const std::int64_t rank : ranks) {
          const spec::Box box = spec::box_of(facts, parameter, degrees, spec::place_of(degrees, rank - 7));
          if (box.numel() == 0) continue;
          auto found = std::find_if(expected.begin(), expected.end(), [&](const Holding& h) { return h.box == box; });
          if (found == expected.end()) found = expected.insert(expected.end(), {.box = box});
          found->ranks.push_back(rank);
        }
        const std::vector<Holding> holdings = holders.of(parameter);
        ASSERT_EQ(holdings.size(), expected.size()) << parameter.name;
        for (std::size_t i = 0; i < holdings.size(); ++i) {
          EXPECT_EQ(holdings[i].box, expected[i].box) << parameter.name;
          EXPECT_EQ(holdings[i].ranks, expected[i].ranks) << parameter.name;
        }
      }
    }
  }
}

TEST(Route, OfDeepSeekV3OnHundredsOfRanksIsWalkedWithoutAListOfIt) {
  const spec::ModelFacts facts = spec::named_model_facts("deepseek-v3", MUSTER_SOURCE_DIR "/templates");
  const RefitLayouts layouts{.train = {.ep = 16, .dp = 16, .pp = 16, .first_stage_layers = 3, .last_stage_layers = 2},
                             .generate = {.tp = 32, .etp = 32, .dp = 8},
                             .train_ranks = ranks_from(0, 256),
                             .gen_ranks = ranks_from(0, 256)};
  std::int64_t crossing = 0, count = 0;
  std::vector<std::int64_t> received(256, 0), sent(256, 0);
  BucketCut cutting(1 << 28);
  std::vector<std::int64_t> parts_received(256, 0);
  for_route(facts, layouts, [&](const Transfer& transfer) {
    ++count;
    if (transfer.source != transfer.target) crossing += transfer.box.numel();
    received[transfer.target] += transfer.box.numel();
    sent[transfer.source] += transfer.box.numel();
    cutting.add(transfer, [&](std::size_t, const Transfer& part) { parts_received[part.target] += part.box.numel(); });
  });
  EXPECT_GT(count, 11'000'000);
  EXPECT_EQ(crossing, least_elements(facts, layouts));
  EXPECT_EQ(std::accumulate(parts_received.begin(), parts_received.end(), std::int64_t{0}), crossing);
  for (std::int64_t rank = 0; rank < 256; ++rank) {
    const spec::Coordinates place = spec::place_of(layouts.generate, rank);
    EXPECT_EQ(received[rank], spec::local_elements(facts, layouts.generate, place).total()) << rank;
    EXPECT_GT(sent[rank], 0) << rank;
  }
}

TEST(Route, SameLayoutOnTheSameRanksIsCopiesAlone) {
  const spec::ModelFacts facts = grouped_model();
  const Layout same = colocated("same", {.tp = 2, .dp = 2}, {.tp = 2, .dp = 2});
  for (const Transfer& transfer : plan_route(facts, same.layouts)) EXPECT_EQ(transfer.source, transfer.target);
  EXPECT_EQ(least_elements(facts, same.layouts), 0);
  EXPECT_TRUE(Refit::can_alias(facts, same.layouts, at::kFloat, at::kFloat));
  EXPECT_FALSE(Refit::can_alias(facts, same.layouts, at::kFloat, at::kBFloat16));
  EXPECT_FALSE(Refit::can_alias(facts, colocated("", {.tp = 2}, {.dp = 2}).layouts, at::kFloat, at::kFloat));
  EXPECT_FALSE(Refit::can_alias(facts, split("", {.tp = 2}, {.tp = 2}).layouts, at::kFloat, at::kFloat));
}

TEST(Route, ReplicasShareTheSending) {
  const spec::ModelFacts facts = grouped_model();
  const Layout layout = split("", {.dp = 4}, {.tp = 2, .dp = 2});
  std::map<std::int64_t, std::int64_t> sent;
  std::int64_t largest = 0;
  for (const Transfer& transfer : plan_route(facts, layout.layouts)) {
    sent[transfer.source] += transfer.box.numel();
    largest = std::max(largest, transfer.box.numel());
  }
  ASSERT_EQ(sent.size(), 4U);
  const auto [least, most] =
      std::minmax_element(sent.begin(), sent.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  EXPECT_LE(most->second - least->second, largest);
}

TEST(Route, BucketsHoldEachTransferInOrderAndKeepTheirSize) {
  const spec::ModelFacts facts = grouped_model();
  for (const Layout& layout : {split("", {.tp = 2, .dp = 2}, {.tp = 4}), colocated("", {.dp = 3}, {.tp = 1, .dp = 2}),
                               split("", {}, {.dp = 3})}) {
    const auto route = plan_route(facts, layout.layouts);
    for (const std::int64_t most : {1, 7, 40, 1000000}) {
      std::int64_t elements = 0, last_parameter = 0;
      for (const auto& bucket : cut_into_buckets(route, most)) {
        EXPECT_FALSE(bucket.empty());
        std::map<std::int64_t, std::int64_t> sent, received, messages;
        for (const Transfer& part : bucket) {
          EXPECT_NE(part.source, part.target);
          EXPECT_GE(part.parameter, last_parameter);
          last_parameter = part.parameter;
          elements += part.box.numel();
          sent[part.source] += part.box.numel();
          received[part.target] += part.box.numel();
          ++messages[part.source];
          ++messages[part.target];
        }
        for (const auto& loads : {sent, received}) {
          for (const auto& [rank, load] : loads)
            EXPECT_TRUE(load <= most || messages[rank] == 1) << "a single row may be longer";
        }
      }
      EXPECT_EQ(elements, least_elements(facts, layout.layouts));
    }
  }
}

TEST(Replicas, EachHoldsEveryElementOnce) {
  const spec::ModelFacts facts = grouped_model();
  for (const spec::Degrees& degrees :
       {spec::Degrees{.tp = 4, .dp = 2}, spec::Degrees{.tp = 2}, spec::Degrees{.tp = 2, .dp = 3, .pp = 2}}) {
    const auto ranks = ranks_from(10, degrees.ranks());
    const Holders holders(facts, degrees, ranks);
    for (const spec::Parameter& parameter : spec::parameters_of(facts)) {
      const Replicas replicas = replicas_of(holders.of(parameter));
      std::size_t num_ranks = 0;
      for (const auto& replica : replicas.ranks) {
        std::vector<int> counts(static_cast<std::size_t>(parameter.numel()), 0);
        for (const std::int64_t rank : replica) {
          const spec::Box box = spec::box_of(facts, parameter, degrees, spec::place_of(degrees, rank - 10));
          for (const std::size_t element : elements_of(box, parameter.shape)) ++counts[element];
          EXPECT_EQ(replicas.ranks[replicas.of(rank)], replica);
        }
        EXPECT_EQ(std::count(counts.begin(), counts.end(), 1), parameter.numel()) << parameter.name;
        num_ranks += replica.size();
      }
      EXPECT_EQ(num_ranks * static_cast<std::size_t>(degrees.pp), ranks.size()) << "every rank of a stage is checked";
    }
  }
}

}  // namespace
}  // namespace muster::refit
