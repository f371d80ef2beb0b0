// A rank's side of the reward workers: answers go out while generation runs, results are waited for only at the end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/reward/protocol.h"

namespace muster::reward {

struct ClientOptions {
  double silent_s = 15;               // a worker that has answers and sends nothing, not even a beat, is given up
  std::int64_t max_lost_workers = 1;  // more lost than that and collect throws; all lost: always
};

/// What collect hands back, in the order of the ids asked for.
struct Collected {
  std::vector<Grade> grades;
  std::vector<std::string> notes;  // of each: why there is no grade, or ""
  double waited_s = 0;             // seconds that collect was blocked: what generation did not hide
};

/// One I/O thread (reward-io) writes and reads all sockets; nothing here blocks but collect. A worker that vanishes or
/// falls silent leaves its answers with the outcome `failed`; the others go on.
class RewardClient {
 public:
  /// Takes the descriptors over (the rank's ends of the socket pairs). throws: Error::user when there is none.
  RewardClient(std::vector<int> worker_fds, const ClientOptions& options);
  ~RewardClient();
  RewardClient(const RewardClient&) = delete;
  RewardClient& operator=(const RewardClient&) = delete;

  /// Hands the answer to the worker with the least to do; never waits. The id is the caller's and may not be in use.
  void submit(const Request& request);
  /// Waits for these; each id was submitted and is collected once. `on_progress` is called as replies come and every
  /// second: it must be quick.
  /// throws: Error::rank when more than max_lost_workers workers were lost, or all of them.
  Collected collect(std::span<const std::int64_t> ids, const std::function<void()>& on_progress = {});
  std::int64_t lost_workers() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace muster::reward
