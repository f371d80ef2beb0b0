// The thread that watches calls which complete later, on a stream: when one has not completed within its limit, or NCCL
// reports an error, it ends every communicator of the rank and says which call it was. Internal to comm/, used by the
// NCCL form.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "runtime/device/stream.h"

namespace muster::comm {

/// One watch a rank; the world and all its splits report to it. Thread-safe.
class CallWatch {
 public:
  /// A communicator that is watched. Both functions are called from the watch's thread.
  struct Watched {
    std::function<std::string()> trouble;  // what NCCL reports by itself, or ""
    std::function<void()> abort;
  };
  /// `on_failure` is told the sentence once, from the watch's thread, after all were aborted; may be empty.
  CallWatch(device::Device device, double timeout_s, std::function<void(const std::string&)> on_failure);
  ~CallWatch();
  int add(Watched watched);
  void remove(int id);
  /// An event to record after a call, taken from those that completed.
  device::Event take_event();
  /// `event` was recorded behind the call on its stream; what names the call ("all_reduce 'train.grads' (call 7 of
  /// train.dp)").
  void follow(device::Event event, std::string call);
  /// The sentence, once something has failed.
  std::optional<std::string> failure();

 private:
  struct Pending {
    device::Event event;
    std::string call;
    double deadline_s = 0;
  };
  void run(std::stop_token stop);
  void look();

  device::Device device_;
  double timeout_s_;
  std::function<void(const std::string&)> on_failure_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Pending> pending_;                 // guarded by mutex_
  std::vector<device::Event> spare_;            // guarded by mutex_
  std::list<std::pair<int, Watched>> watched_;  // guarded by mutex_
  int next_id_ = 0;                             // guarded by mutex_
  std::optional<std::string> failure_;          // guarded by mutex_
  std::jthread thread_;
};

}  // namespace muster::comm
