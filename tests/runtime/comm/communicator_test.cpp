// Every call over real processes, with numbers whose sums are exact, so that results are compared with ==.
#include "runtime/comm/communicator.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/comm/call_log.h"
#include "runtime/comm/gloo_communicator.h"
#include "runtime/comm/solo_communicator.h"
#include "tests/support/run_ranks.h"
#include "tests/support/tensor_support.h"

namespace muster::tests {
namespace {

using comm::Communicator;
using comm::P2POp;
using comm::Reduce;

const std::vector<at::ScalarType> kTypes{at::kFloat, at::kBFloat16, at::kLong, at::kByte};

/// Element i of rank r: small whole numbers, exact in every type and in every order of summing.
at::Tensor values(int rank, std::int64_t count, at::ScalarType type) {
  return ((at::arange(count, at::kLong) + 3 * rank) % 7).to(type);
}

void check_reductions(Communicator& comm, at::ScalarType type, std::int64_t count) {
  at::Tensor sum = at::zeros({count}, at::kLong), largest = values(0, count, at::kLong), smallest = largest.clone();
  for (int rank = 0; rank < comm.size(); ++rank) {
    const at::Tensor term = values(rank, count, at::kLong);
    sum += term;
    largest = at::max(largest, term);
    smallest = at::min(smallest, term);
  }
  at::Tensor tensor = values(comm.rank(), count, type);
  comm.all_reduce(tensor, Reduce::sum, "sum");
  EXPECT_TRUE(same_bits(tensor, sum.to(type)));
  tensor = values(comm.rank(), count, type);
  comm.all_reduce(tensor, Reduce::max, "max");
  EXPECT_TRUE(same_bits(tensor, largest.to(type)));
  tensor = values(comm.rank(), count, type);
  comm.all_reduce(tensor, Reduce::min, "min");
  EXPECT_TRUE(same_bits(tensor, smallest.to(type)));

  const at::Tensor input = values(comm.rank(), count * comm.size(), type);
  at::Tensor share = at::empty({count}, input.options());
  comm.reduce_scatter(share, input, Reduce::sum, "scatter");
  at::Tensor whole = at::zeros({count * comm.size()}, at::kLong);
  for (int rank = 0; rank < comm.size(); ++rank) whole += values(rank, count * comm.size(), at::kLong);
  EXPECT_TRUE(same_bits(share, whole.narrow(0, comm.rank() * count, count).to(type)));
}

void check_moves(Communicator& comm, at::ScalarType type, std::int64_t count) {
  const at::Tensor own = values(comm.rank(), count, type).view({count, 1});
  at::Tensor all = at::empty({count * comm.size(), 1}, own.options());
  comm.all_gather(all, own, "gather");
  for (int rank = 0; rank < comm.size(); ++rank)
    EXPECT_TRUE(same_bits(all.narrow(0, rank * count, count), values(rank, count, type).view({count, 1})));

  const int root = comm.size() - 1;
  at::Tensor told = values(comm.rank(), count, type);
  comm.broadcast(told, root, "tell");
  EXPECT_TRUE(same_bits(told, values(root, count, type)));

  // Rank a sends b + 1 rows of value a to rank b, and nothing at all to itself when it is rank 0.
  std::vector<std::int64_t> out_rows, in_rows;
  std::vector<at::Tensor> sent, expected;
  for (int peer = 0; peer < comm.size(); ++peer) {
    const bool none = comm.rank() == 0 && peer == 0;
    in_rows.push_back(none ? 0 : peer + 1);
    out_rows.push_back(none ? 0 : comm.rank() + 1);
    sent.push_back(at::full({in_rows.back(), 2}, comm.rank(), own.options()));
    expected.push_back(at::full({out_rows.back(), 2}, peer, own.options()));
  }
  const at::Tensor rows = at::cat(sent);
  at::Tensor received = at::empty_like(at::cat(expected));
  comm.all_to_all_v(received, out_rows, rows, in_rows, "rows");
  EXPECT_TRUE(same_bits(received, at::cat(expected)));
}

/// Two messages to the next rank, one of another size to the one before, and one to oneself, all posted together.
void check_exchange(Communicator& comm, at::ScalarType type) {
  const int next = (comm.rank() + 1) % comm.size(), before = (comm.rank() + comm.size() - 1) % comm.size();
  const at::Tensor first = values(comm.rank(), 5, type), second = values(comm.rank() + 10, 70000, type),
                   third = values(comm.rank() + 20, 3, type);
  const at::Tensor got_first = at::empty_like(first), got_second = at::empty_like(second),
                   got_third = at::empty_like(third), got_own = at::empty_like(first);
  const std::vector<P2POp> p2p_ops{{next, true, &first},        {next, true, &second},
                                   {before, true, &third},      {comm.rank(), true, &first},
                                   {before, false, &got_first}, {before, false, &got_second},
                                   {next, false, &got_third},   {comm.rank(), false, &got_own}};
  comm.exchange(p2p_ops, "swap");
  EXPECT_TRUE(same_bits(got_first, values(before, 5, type)));
  EXPECT_TRUE(same_bits(got_second, values(before + 10, 70000, type)));
  EXPECT_TRUE(same_bits(got_third, values(next + 20, 3, type)));
  EXPECT_TRUE(same_bits(got_own, first));
  comm.exchange(comm.rank() == 0
                    ? std::vector<P2POp>{{1, true, &third}}
                    : (comm.rank() == 1 ? std::vector<P2POp>{{0, false, &got_third}} : std::vector<P2POp>{}),
                "one way");
  if (comm.rank() == 1) {
    EXPECT_TRUE(same_bits(got_third, values(20, 3, type)));
  }
}

void check_all(Communicator& comm) {
  for (const at::ScalarType type : kTypes)
    for (const std::int64_t count : {1, 37, 30011}) {
      SCOPED_TRACE(base::text(c10::toString(type), " x ", count, " over ", comm.size()));
      check_reductions(comm, type, count);
      check_moves(comm, type, count);
    }
  for (const at::ScalarType type : kTypes) check_exchange(comm, type);
  comm.barrier("end");
}

class GlooCommunicator : public testing::TestWithParam<int> {};

TEST_P(GlooCommunicator, MovesAndReducesExactly) {
  run_ranks(GetParam(), [](RankContext& rank) { check_all(*rank.world); }, {.compare_calls = false});
}

TEST_P(GlooCommunicator, DoesTheSameWhenCallsAreCompared) {
  run_ranks(GetParam(),
            [](RankContext& rank) { check_exchange(*rank.world, at::kFloat), check_moves(*rank.world, at::kLong, 9); });
}

INSTANTIATE_TEST_SUITE_P(Ranks, GlooCommunicator, testing::Values(2, 3, 4));

TEST(Gloo, LargeReductionsInPiecesAreExact) {
  run_ranks(3,
            [](RankContext& rank) {
              at::Tensor tensor = values(rank.rank, 4'000'003, at::kFloat);
              rank.world->all_reduce(tensor, Reduce::sum, "large");
              EXPECT_TRUE(same_bits(tensor, values(0, 4'000'003, at::kFloat) + values(1, 4'000'003, at::kFloat) +
                                                values(2, 4'000'003, at::kFloat)));
            },
            {.compare_calls = false});
}

TEST(Gloo, SumsOfBfloat16AreTakenInFloat) {
  run_ranks(3, [](RankContext& rank) {
    at::Tensor tensor = at::full({4}, rank.rank == 0 ? 256.0 : 0.75,
                                 at::kBFloat16);  // 256 + 0.75 is 256 in bfloat16; 257.5 rounds to 258
    rank.world->all_reduce(tensor, Reduce::sum, "sum");
    EXPECT_EQ(tensor[0].item<float>(), 258.0f);
  });
}

TEST(Gloo, Fp8TravelsAsBytes) {
  run_ranks(2,
            [](RankContext& rank) {
              at::Tensor tensor = at::full({6}, rank.rank + 1, at::kFloat).to(at::kFloat8_e4m3fn);
              at::Tensor all = at::empty({12}, tensor.options());
              rank.world->all_gather(all, tensor, "fp8");
              EXPECT_EQ(all[0].to(at::kFloat).item<float>(), 1);
              EXPECT_EQ(all[11].to(at::kFloat).item<float>(), 2);
              EXPECT_THROW(rank.world->all_reduce(tensor, Reduce::sum, "fp8 sum"), Error);
            },
            {.compare_calls = false});
}

TEST(Gloo, ParametersThatWantGradientsAreWrittenInPlace) {
  run_ranks(2, [](RankContext& rank) {
    at::Tensor weight = at::full({8}, rank.rank + 1.0).requires_grad_();
    rank.world->all_reduce(weight, Reduce::sum, "weight");
    EXPECT_EQ(weight.detach()[3].item<float>(), 3);
    EXPECT_TRUE(weight.requires_grad());
  });
}

TEST(Gloo, SplitsByColourAndOrdersByKey) {
  run_ranks(4, [](RankContext& rank) {
    // Colours {0, 2} and {1, 3}, in turned order.
    auto part = rank.world->split(rank.rank % 2, -rank.rank, "part");
    ASSERT_EQ(part->size(), 2);
    EXPECT_EQ(part->rank(), rank.rank < 2 ? 1 : 0);
    EXPECT_EQ(part->world_rank(0), rank.rank % 2 + 2);
    at::Tensor sum = at::full({2}, rank.rank, at::kFloat);
    part->all_reduce(sum, Reduce::sum, "sum");
    EXPECT_EQ(sum[0].item<float>(), rank.rank % 2 == 0 ? 2 : 4);
    auto again = part->split(0, 0, "again");
    check_exchange(*again, at::kLong);
    // Three of the four together and one alone; then two in none.
    auto some = rank.world->split(rank.rank == 3 ? 1 : 0, 0, "some");
    EXPECT_EQ(some->size(), rank.rank == 3 ? 1 : 3);
    if (rank.rank != 3) check_exchange(*some, at::kLong);
    auto pair = rank.world->split(rank.rank < 2 ? 0 : -1, 0, "pair");
    ASSERT_EQ(pair != nullptr, rank.rank < 2);
    if (pair != nullptr) pair->barrier("pair");
  });
}

TEST(Gloo, AConnectionThatDoesNotKnowTheKeyIsRefused) {
  const auto ends = ends_of_ranks(2,
                                  [](RankContext& rank) {
                                    comm::make_gloo("side", rank.store, rank.rank, 2,
                                                    {.timeout_s = 5, .key = rank.rank == 0 ? rank.key : "another"});
                                  },
                                  {.make_world = false});
  for (const RankEnd& end : ends) EXPECT_EQ(end.code, 3) << end.output;
  EXPECT_NE((ends[0].output + ends[1].output).find("does not know the key of this attempt"), std::string::npos)
      << ends[0].output << ends[1].output;
}

TEST(Gloo, ALateRankIsNamedWithTheLabel) {
  const auto ends = ends_of_ranks(3,
                                  [](RankContext& rank) {
                                    if (rank.rank == 2) std::this_thread::sleep_for(std::chrono::milliseconds(1600));
                                    rank.world->barrier("train.grads");
                                  },
                                  {.call_timeout_s = 0.8, .compare_calls = false});
  for (const int rank : {0, 1}) {
    EXPECT_EQ(ends[rank].code, 4);
    EXPECT_NE(ends[rank].output.find("barrier 'train.grads' (call 1 of world): rank"), std::string::npos)
        << ends[rank].output;
  }
  EXPECT_NE((ends[0].output + ends[1].output).find("rank 2 did not answer within"), std::string::npos);
}

struct CountedWaits final : comm::CallObserver {
  void before(const comm::Call&) override {}
  void after(const comm::Call&) override {}
  void waits() override { ++count; }
  int count = 0;
};

// Also where calls are compared: comparing is a call with a limit.
TEST(Gloo, AWaitForAllLastsBeyondTheLimitOfCallsAndTellsThatItWaits) {
  for (const bool compare : {false, true})
    run_ranks(3,
              [](RankContext& rank) {
                CountedWaits counted;
                rank.world->set_observers({&counted});
                for (int time = 0; time < 2; ++time) {
                  if (rank.rank == 2) std::this_thread::sleep_for(std::chrono::milliseconds(1600));
                  rank.world->wait_for_all("rollout");
                }
                rank.world->set_observers({});
                if (rank.rank != 2) {
                  EXPECT_GE(counted.count, 4);
                }
                rank.world->barrier("after");
              },
              {.call_timeout_s = 0.8, .compare_calls = compare});
}

TEST(Gloo, ARankThatDiesEndsTheWaitOfTheOthersAtOnce) {
  base::Stopwatch watch;
  const auto ends = ends_of_ranks(3,
                                  [](RankContext& rank) {
                                    rank.world->barrier("begin");
                                    if (rank.rank == 1) std::abort();
                                    at::Tensor tensor = at::zeros({3});
                                    rank.world->all_reduce(tensor, Reduce::sum, "after");
                                  },
                                  {.call_timeout_s = 30, .compare_calls = false});
  EXPECT_EQ(ends[1].signal, SIGABRT);
  EXPECT_EQ(ends[0].code, 4);
  EXPECT_EQ(ends[2].code, 4);
  EXPECT_NE((ends[0].output + ends[2].output).find("rank 1 is gone"), std::string::npos)
      << ends[0].output << ends[2].output;
  EXPECT_LT(watch.elapsed_s(), 4);
}

TEST(Gloo, AbortFromAnotherThreadEndsTheCallHereAndThere) {
  base::Stopwatch watch;
  run_ranks(2,
            [](RankContext& rank) {
              auto other = rank.world->split(0, rank.rank, "other");
              if (rank.rank == 0) {
                std::jthread aborter([&] {
                  std::this_thread::sleep_for(std::chrono::milliseconds(200));
                  other->abort();
                });
                at::Tensor tensor = at::zeros({3});
                EXPECT_THROW(other->broadcast(tensor, 1, "never"), Error);
                EXPECT_THROW(other->barrier("nor later"), Error);
              } else {
                at::Tensor tensor = at::zeros({3});
                EXPECT_THROW(other->broadcast(tensor, 0, "never either"), Error);
              }
              rank.world->barrier("the world still works");
            },
            {.call_timeout_s = 30, .compare_calls = false});
  EXPECT_LT(watch.elapsed_s(), 5);
}

TEST(Gloo, TheFirstOfTwoMismatchedCallsNamesBothRanks) {
  const auto ends = ends_of_ranks(2, [](RankContext& rank) {
    at::Tensor tensor = at::zeros({rank.rank == 0 ? 3 : 4});
    rank.world->all_reduce(tensor, Reduce::sum, "grads");
  });
  for (const RankEnd& end : ends) {
    EXPECT_EQ(end.code, 4);
    EXPECT_NE(end.output.find("rank 0 calls all_reduce 'grads' as number 1 with 3 x Float; rank 1 calls all_reduce "
                              "'grads' as number 1 with 4 x Float"),
              std::string::npos)
        << end.output;
  }
}

TEST(Gloo, ComparisonFindsOtherCallsLabelsTypesAndCounts) {
  const auto fails = [](const std::function<void(RankContext&)>& body, const std::string& said) {
    for (const RankEnd& end : ends_of_ranks(2, body)) {
      EXPECT_EQ(end.code, 4) << end.output;
      EXPECT_NE(end.output.find(said), std::string::npos) << end.output;
    }
  };
  fails([](RankContext& rank) { rank.world->barrier(rank.rank == 0 ? "here" : "there"); }, "barrier 'there'");
  fails(
      [](RankContext& rank) {
        at::Tensor tensor = at::zeros({2}, rank.rank == 0 ? at::kFloat : at::kInt);
        rank.world->broadcast(tensor, 0, "x");
      },
      "2 x Int");
  fails(
      [](RankContext& rank) {
        if (rank.rank == 0)
          rank.world->barrier("x");
        else
          rank.world->exchange({}, "x");
      },
      "calls exchange");
  fails(
      [](RankContext& rank) {
        const at::Tensor tensor = at::zeros({rank.rank == 0 ? 2 : 3});
        rank.world->exchange(std::vector<P2POp>{{1 - rank.rank, rank.rank == 0, &tensor}}, "x");
      },
      "does not send to rank 1 what that rank expects");
  fails(
      [](RankContext& rank) {
        const std::vector<std::int64_t> in{1, 1}, out{1, rank.rank == 0 ? 1 : 2};
        const at::Tensor input = at::zeros({2, 2});
        at::Tensor output = at::zeros({out[0] + out[1], 2});
        rank.world->all_to_all_v(output, out, input, in, "x");
      },
      "counts, sizes or types");
}

TEST(Solo, ReturnsItsInput) {
  auto solo = comm::make_solo("solo", 5);
  EXPECT_EQ(solo->world_rank(0), 5);
  for (const at::ScalarType type : kTypes) {
    check_reductions(*solo, type, 11);
    check_moves(*solo, type, 11);
  }
  const at::Tensor sent = values(1, 4, at::kFloat), received = at::empty_like(sent);
  solo->exchange(std::vector<P2POp>{{0, true, &sent}, {0, false, &received}}, "self");
  EXPECT_TRUE(same_bits(received, sent));
  EXPECT_EQ(solo->split(-1, 0, "none"), nullptr);
  EXPECT_EQ(solo->split(0, 0, "part")->name(), "part");
}

TEST(CallLog, CountsByCommunicatorKindAndLabel) {
  comm::CallLog log;
  auto solo = comm::make_solo("world");
  solo->set_observers({&log});
  at::Tensor tensor = at::zeros({4});
  solo->all_reduce(tensor, Reduce::sum, "a");
  solo->all_reduce(tensor, Reduce::sum, "a");
  solo->split(0, 0, "part")->barrier("b");
  const auto counts = log.take();
  ASSERT_EQ(counts.size(), 3u);
  EXPECT_EQ(counts[0].communicator, "part");
  EXPECT_EQ(counts[0].label, "b");
  EXPECT_EQ(counts[1].kind, comm::CallKind::all_reduce);
  EXPECT_EQ(counts[1].count, 2);
  EXPECT_EQ(counts[1].bytes, 32);
  EXPECT_EQ(counts[2].kind, comm::CallKind::split);
  EXPECT_TRUE(log.take().empty());
}

TEST(Communicator, RefusesWhatCannotBeRight) {
  auto solo = comm::make_solo("world");
  at::Tensor turned = at::zeros({2, 3}).t(), small = at::zeros({2});
  EXPECT_THROW(solo->all_reduce(turned, Reduce::sum, "turned"), Error);
  EXPECT_THROW(solo->all_gather(small, at::zeros({3}), "sizes"), Error);
  EXPECT_THROW(solo->reduce_scatter(small, at::zeros({2}, at::kLong), Reduce::sum, "types"), Error);
  EXPECT_THROW(solo->broadcast(small, 1, "root"), Error);
  const std::vector<std::int64_t> three{3};
  EXPECT_THROW(solo->all_to_all_v(small, three, small, three, "rows"), Error);
}

}  // namespace
}  // namespace muster::tests
