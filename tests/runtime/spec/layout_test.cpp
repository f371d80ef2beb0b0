#include "runtime/spec/layout.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace muster::spec {
namespace {

const std::vector<Degrees>& meshes() {
  static const std::vector<Degrees> all{{},
                                        {.tp = 2, .dp = 3},
                                        {.tp = 2, .cp = 2, .dp = 2, .pp = 3},
                                        {.tp = 4, .cp = 1, .ep = 8, .dp = 4, .pp = 2},
                                        {.tp = 1, .cp = 3, .ep = 3, .dp = 5, .pp = 1},
                                        {.tp = 8, .cp = 4, .ep = 32, .dp = 2, .pp = 8},
                                        {.tp = 2, .cp = 1, .ep = 4, .etp = 2, .dp = 8, .pp = 2}};
  return all;
}

TEST(Layout, RankAndPlaceAreABijection) {
  for (const Degrees& degrees : meshes()) {
    std::set<std::vector<std::int64_t>> seen;
    for (std::int64_t rank = 0; rank < degrees.ranks(); ++rank) {
      const Coordinates place = place_of(degrees, rank);
      EXPECT_EQ(rank_of(degrees, place), rank);
      EXPECT_TRUE(seen.insert({place.tp, place.cp, place.dp, place.pp}).second);
      for (const Axis axis : kGridAxes) {
        EXPECT_GE(place.on(axis), 0);
        EXPECT_LT(place.on(axis), degrees.of(axis));
      }
    }
  }
}

TEST(Layout, TensorParallelNeighboursAreConsecutive) {
  const Degrees degrees{.tp = 4, .dp = 2, .pp = 2};
  EXPECT_EQ(group_of(degrees, Axis::tp, 5), (std::vector<std::int64_t>{4, 5, 6, 7}));
  EXPECT_EQ(group_of(degrees, Axis::dp, 5), (std::vector<std::int64_t>{1, 5}));
  EXPECT_EQ(group_of(degrees, Axis::pp, 5), (std::vector<std::int64_t>{5, 13}));
}

TEST(Layout, GroupsOfEachAxisCutTheRanksAndTheirNumberIsTheirColour) {
  for (const Degrees& degrees : meshes()) {
    for (const Axis axis : kAxes) {
      std::map<std::int64_t, std::set<std::int64_t>> by_colour;
      for (std::int64_t rank = 0; rank < degrees.ranks(); ++rank) {
        const auto group = group_of(degrees, axis, rank);
        EXPECT_EQ(static_cast<std::int64_t>(group.size()), degrees.of(axis));
        EXPECT_EQ(group[place_of(degrees, rank).on(axis)], rank) << axis_name(axis);
        by_colour[group_index(degrees, axis, rank)].insert(rank);
      }
      EXPECT_EQ(std::ssize(by_colour), degrees.ranks() / degrees.of(axis));
      for (const auto& [colour, ranks] : by_colour) {
        const auto group = group_of(degrees, axis, *ranks.begin());
        EXPECT_EQ(ranks, std::set<std::int64_t>(group.begin(), group.end())) << axis_name(axis) << colour;
        EXPECT_LT(colour, degrees.ranks() / degrees.of(axis));
      }
    }
  }
}

TEST(Layout, RanksOfAnExpertGroupHoldAllExpertsAndTheirReplicasTheSame) {
  const Degrees degrees{.tp = 2, .cp = 2, .ep = 4, .dp = 4, .pp = 2};  // stages of 16 ranks
  EXPECT_EQ(group_of(degrees, Axis::ep, 6), (std::vector<std::int64_t>{4, 5, 6, 7}));
  EXPECT_EQ(group_of(degrees, Axis::edp, 6), (std::vector<std::int64_t>{2, 6, 10, 14}));
  EXPECT_EQ(group_of(degrees, Axis::edp, 21), (std::vector<std::int64_t>{17, 21, 25, 29}));
  EXPECT_EQ(group_of(degrees, Axis::dp_cp, 6), (std::vector<std::int64_t>{0, 2, 4, 6, 8, 10, 12, 14}));
  for (const Degrees& mesh : meshes()) {
    for (std::int64_t rank = 0; rank < mesh.ranks(); ++rank) {
      for (const std::int64_t peer : group_of(mesh, Axis::edp, rank)) {
        EXPECT_EQ(place_of(mesh, peer).ep, place_of(mesh, rank).ep);
        EXPECT_EQ(place_of(mesh, peer).etp, place_of(mesh, rank).etp);
        EXPECT_EQ(place_of(mesh, peer).pp, place_of(mesh, rank).pp);
      }
    }
  }
}

TEST(Layout, StagesShareTheLayersAndUnevenEndsAreAsGiven) {
  const Degrees deepseek{.pp = 8, .first_stage_layers = 7, .last_stage_layers = 6};
  EXPECT_EQ(layers_of(deepseek, 61, 0), (Range{0, 7}));
  EXPECT_EQ(layers_of(deepseek, 61, 1), (Range{7, 15}));
  EXPECT_EQ(layers_of(deepseek, 61, 7), (Range{55, 61}));
  const Degrees virtual_stages{.pp = 2, .vpp = 3};
  EXPECT_EQ(layers_of(virtual_stages, 12, 1, 0), (Range{2, 4}));
  EXPECT_EQ(layers_of(virtual_stages, 12, 0, 2), (Range{8, 10}));
  const std::vector<Degrees> all{deepseek,
                                 virtual_stages,
                                 {.pp = 4},
                                 {.pp = 4, .first_stage_layers = 3},
                                 {.pp = 4, .last_stage_layers = 1},
                                 {.pp = 5, .vpp = 2}};
  for (const Degrees& degrees : all) {
    std::vector<int> held(61, 0);
    for (std::int64_t stage = 0; stage < degrees.pp; ++stage) {
      for (std::int64_t chunk = 0; chunk < degrees.vpp; ++chunk) {
        const Range layers = layers_of(degrees, 61, stage, chunk);
        for (std::int64_t layer = layers.begin; layer < layers.end; ++layer) {
          ++held[layer];
          EXPECT_EQ(stage_of_layer(degrees, 61, layer), stage);
        }
      }
    }
    EXPECT_EQ(held, std::vector<int>(61, 1));
  }
}

TEST(Layout, PartsCoverEverythingOnce) {
  for (const std::int64_t count : {0, 1, 7, 64, 100}) {
    for (const std::int64_t parts : {1, 3, 8, 101}) {
      std::int64_t next = 0;
      for (std::int64_t index = 0; index < parts; ++index) {
        const Range range = part_of(count, parts, index);
        EXPECT_EQ(range.begin, next);
        EXPECT_LE(range.size(), count / parts + 1);
        next = range.end;
      }
      EXPECT_EQ(next, count);
    }
  }
}

}  // namespace
}  // namespace muster::spec
