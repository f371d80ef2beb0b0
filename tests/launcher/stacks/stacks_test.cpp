#include "launcher/stacks/stacks.h"

#include <gtest/gtest.h>

#include <thread>

#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::stacks {
namespace {

const std::vector<spec::StackFrame> kFrames{
    {"/lib/libc.so.6", 0x10f2ab, "clock_nanosleep"},
    {"/opt/bin/muster-rank", 0x5d21, "_ZN6muster4loop5trainERKSt6vectorIiSaIiEE"},
    {"/opt/bin/muster-rank", 0x4000, ""},
    {"", 0x7f00, ""}};

spec::RankStacks rank_in(std::int64_t rank, const std::string& phase, double still_s, std::vector<std::size_t> frames,
                         char state = 'S') {
  return {.rank = rank,
          .pid = 4000 + rank,
          .phase = phase,
          .step = 12,
          .in_call = phase == "train",
          .last_call = phase == "train" ? "train.dp all_reduce #12 grads" : "gen.tp all_reduce #9 logits",
          .still_s = still_s,
          .threads = {{.id = 4000 + rank,
                       .name = "muster-rank",
                       .state = state,
                       .waits_in = "hrtimer_nanosleep",
                       .syscall = "clock_nanosleep",
                       .frames = std::move(frames)},
                      {.id = 5000 + rank, .name = "autograd", .state = 'R', .frames = {3}, .is_cut = true},
                      {.id = 6000 + rank, .name = "pulse", .state = 'S', .frames = {0}}}};
}

Answers four_ranks() {
  return {.nodes = {{.number = 1,
                     .time_s = 1795700000,
                     .slot = 0,
                     .host = "node0",
                     .ranks = {rank_in(0, "train", 11.8, {0, 1, 2}), rank_in(1, "train", 12.2, {0, 1, 2})},
                     .frames = kFrames},
                    {.number = 1,
                     .time_s = 1795700001,
                     .slot = 1,
                     .host = "node1",
                     .ranks = {rank_in(2, "train", 12, {0, 1, 2}), rank_in(3, "generate", 41, {}, 'T')},
                     .frames = kFrames}},
          .silent_hosts = {"node2", "node3"}};
}

std::string golden(const char* name) {
  return base::read_file(std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/golden/stacks" / name);
}

TEST(StacksPage, MarksTheRankThatStandsElsewhereAndFoldsEqualStacks) {
  EXPECT_EQ(stacks_page(four_ranks(), std::nullopt), golden("four_ranks.txt"));
}

TEST(StacksPage, ShowsEveryThreadOfOneRank) { EXPECT_EQ(stacks_page(four_ranks(), 2), golden("rank_2.txt")); }

TEST(StacksPage, SaysWhenNothingRuns) {
  EXPECT_EQ(stacks_page({.nodes = {}, .silent_hosts = {"node0"}}, std::nullopt),
            "no answer from the agents on node0\nno rank runs there\n");
  EXPECT_NE(stacks_page(four_ranks(), 9).find("rank 9 does not run there"), std::string::npos);
}

TEST(StacksPage, OfALongStackTheMiddleIsCounted) {
  Answers answers{.nodes = {{.host = "node0", .ranks = {{.threads = {{.state = 'R'}}}}}}, .silent_hosts = {}};
  for (std::size_t i = 0; i < 30; ++i) {
    answers.nodes[0].frames.push_back({"", i, ""});
    answers.nodes[0].ranks[0].threads[0].frames.push_back(i);
  }
  EXPECT_NE(stacks_page(answers, std::nullopt).find("    0xe\n    0xf\n    ... 6 more\n    0x16\n    0x17\n"),
            std::string::npos)
      << stacks_page(answers, std::nullopt);
}

TEST(StacksPage, NamesAreShort) {
  EXPECT_EQ(function_name("_ZN6muster4loop5trainERKSt6vectorIiSaIiEE"), "muster::loop::train");
  EXPECT_EQ(function_name("_ZN12_GLOBAL__N_14Life4liveEdb"), "Life::live");
  EXPECT_EQ(function_name("_ZNKSt8functionIFvvEEclEv"), "std::function::operator()");
  EXPECT_EQ(function_name("_ZSt4swapIiEvRT_S1_"), "std::swap");
  EXPECT_EQ(function_name("getenv"), "getenv");
  EXPECT_EQ(function_name(""), "");
}

// An agent that answers the second question, and one that never does.
TEST(AskForStacks, RaisesTheNumberAndWaitsForAllButNotForEver) {
  const tests::TemporaryFolder folder;
  const spec::RunPaths paths{folder.path()};
  const spec::Placement placement{.attempt = 0, .nodes = {{0, "node0", ""}, {1, "node1", ""}}};
  base::make_folder(paths.attempt(0));
  base::write_file(paths.node_stacks(0, 0), spec::node_stacks_text({.number = 4, .host = "node0"}));
  EXPECT_EQ(left_answers(paths, placement).nodes.size(), 1U);
  std::thread agent([&] {
    while (!base::is_there(paths.stacks_request(0))) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    base::write_file(paths.node_stacks(0, 0), spec::node_stacks_text({.number = 5, .host = "node0", .reason = "new"}));
  });
  const Answers answers = ask(paths, placement, 0.5);
  agent.join();
  EXPECT_EQ(spec::parse_stacks_request(base::read_file(paths.stacks_request(0)), ""), 5);
  ASSERT_EQ(answers.nodes.size(), 1U);
  EXPECT_EQ(answers.nodes[0].reason, "new");
  EXPECT_EQ(answers.silent_hosts, std::vector<std::string>{"node1"});
}

}  // namespace
}  // namespace muster::stacks
