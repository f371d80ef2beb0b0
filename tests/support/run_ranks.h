// Many ranks on this machine: real processes, forked from the test, that meet over gloo on loopback.
//
//   run_ranks(4, [](RankContext& rank) {
//     at::Tensor sum = at::full({3}, rank.rank);
//     rank.world->all_reduce(sum, comm::Reduce::sum, "sum");
//     EXPECT_EQ(sum[0].item<float>(), 6);
//   });
//
// The body runs in each child with one thread of ATen; EXPECT_ and ASSERT_ work there. A rank that fails, throws,
// crashes or is silent past the limit fails the test of the parent with that rank's output. Do not start threads in a
// test before it forks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/comm/communicator.h"
#include "runtime/comm/store.h"

namespace muster::tests {

/// What a rank's body is given. The world is closed after the body, if the body left it there.
struct RankContext {
  int rank = 0;
  int size = 1;
  std::unique_ptr<comm::Communicator> world;  // null with make_world = false
  std::shared_ptr<comm::Store> store;  // shared: the ranks' own connection to the store, which communicators hold too
  std::string key;                     // the secret of the attempt
};

struct RunRanksOptions {
  double limit_s = 60;         // for all ranks together
  double grace_s = 5;          // for the other ranks, once one has failed
  double call_timeout_s = 20;  // of every call of the world
  bool make_world = true;
  bool compare_calls = true;  // ranks compare before every call
};

/// How a rank ended.
struct RankEnd {
  int code = 0;         // 0: passed; 1: an expectation failed; otherwise the exit code of the Error that was thrown
  int signal = 0;       // that ended it
  bool silent = false;  // ended by us, at the limit or after another rank had failed
  std::string output;   // what it printed, errors last
  bool passed() const { return code == 0 && signal == 0 && !silent; }
};

/// Runs `body` in `size` processes and waits for all of them; failures of ranks are failures of the test.
void run_ranks(int size, const std::function<void(RankContext&)>& body, const RunRanksOptions& options = {});
/// The same, for tests that expect ranks to fail: tells how each ended and fails nothing.
std::vector<RankEnd> ends_of_ranks(int size, const std::function<void(RankContext&)>& body,
                                   const RunRanksOptions& options = {});

}  // namespace muster::tests
