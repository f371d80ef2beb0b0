#include "runtime/spec/stacks.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"

namespace muster::spec {
namespace {

const NodeStacks kStacks{.number = 3,
                         .time_s = 1795700000,
                         .slot = 1,
                         .host = "node1",
                         .reason = "rank 3 is silent: no beat for 10 s",
                         .ranks = {{.rank = 3,
                                    .pid = 4711,
                                    .phase = "train",
                                    .step = 12,
                                    .in_call = true,
                                    .calls = 99,
                                    .last_call = "train.dp all_reduce #12 grads",
                                    .still_s = 10.5,
                                    .threads = {{.id = 4711,
                                                 .name = "muster-rank",
                                                 .state = 'S',
                                                 .waits_in = "futex_wait",
                                                 .syscall = "futex",
                                                 .frames = {1, 0},
                                                 .is_cut = true},
                                                {.id = 4712, .name = "pulse", .state = 'T'}}}},
                         .frames = {{"/lib/libc.so.6", 4096, "getenv"}, {"", 7, ""}}};

std::string refusal(const std::string& text) {
  try {
    parse_node_stacks(text, "node_1.stacks");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Stacks, SurviveTheirFile) {
  EXPECT_EQ(parse_node_stacks(node_stacks_text(kStacks), "x"), kStacks);
  EXPECT_EQ(parse_stacks_request(stacks_request_text(7), "x"), 7);
}

TEST(Stacks, ABrokenFileIsRefusedWithItsName) {
  EXPECT_NE(refusal("{}").find("node_1.stacks"), std::string::npos);
  EXPECT_NE(refusal("{\"number\"").find("node_1.stacks"), std::string::npos);
  NodeStacks wrong = kStacks;
  wrong.ranks[0].threads[0].frames = {2};
  EXPECT_NE(refusal(node_stacks_text(wrong)).find("frame 2 of thread 4711"), std::string::npos);
  EXPECT_THROW(parse_stacks_request("{\"number\": \"3\"}", "x"), Error);
}

}  // namespace
}  // namespace muster::spec
