// A reward worker of this process's own, for verbs that grade without ranks.
#pragma once

#include <sys/types.h>

#include "runtime/base/files.h"
#include "runtime/reward/worker.h"

namespace muster::reward {

/// A worker process: it ends when its client is gone, and is waited for. It forks: make it before a thread starts.
class OwnWorker {
 public:
  /// throws: Error::cluster when it cannot be started.
  explicit OwnWorker(const WorkerLimits& limits);
  ~OwnWorker();
  OwnWorker(const OwnWorker&) = delete;
  OwnWorker& operator=(const OwnWorker&) = delete;
  /// The descriptor for a RewardClient, which has to go before the worker does.
  int take_client_end() { return client_end_.release(); }

 private:
  base::Descriptor client_end_;
  pid_t pid_ = -1;
};

}  // namespace muster::reward
