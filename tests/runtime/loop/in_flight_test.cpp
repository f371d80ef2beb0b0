#include "runtime/loop/in_flight.h"

#include <gtest/gtest.h>

namespace muster::loop {
namespace {

TEST(InFlight, ATrainerThatWaitsNamesTheReplicasAndTheirRanks) {
  spec::Plan plan;
  plan.generate = {.tp = 2, .dp = 3};
  plan.ranks.resize(7);  // the first one trains
  for (std::int64_t rank = 0; rank < 7; ++rank) {
    plan.ranks[rank].rank = rank;
    plan.ranks[rank].train_rank.reset();
    plan.ranks[rank].gen_rank.reset();
    if (rank > 0) plan.ranks[rank].gen_rank = rank - 1;
  }
  EXPECT_EQ(waiting_text(plan, 12, {0, 2}),
            "step 12 waits for the samples of replica 0 (rank 1, 2), 2 (rank 5, 6), 2 of 3");
}

}  // namespace
}  // namespace muster::loop
