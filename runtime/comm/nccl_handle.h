// One NCCL communicator and the rules of its non-blocking calls. Internal to comm/.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime/comm/nccl_api.h"

namespace muster::comm {

/// NCCL's calls are made by the issuing thread; abort and trouble may come from any.
class NcclHandle {
 public:
  NcclHandle(const NcclApi& nccl, std::string name) : nccl_(nccl), name_(std::move(name)) {}
  ~NcclHandle() { abort(); }
  NcclHandle(const NcclHandle&) = delete;
  NcclHandle& operator=(const NcclHandle&) = delete;

  /// collective. Makes the communicator. throws: PeerFailure.
  void init(const NcclUniqueId& id, int rank, int size, double timeout_s);
  /// collective: this communicator. Makes `part` of it; null: this rank is in none. throws: PeerFailure.
  void split(int color, int key, NcclHandle* part, double timeout_s);
  /// Runs `body` as one call or group (with grouped = true) and waits until NCCL has taken it. throws: PeerFailure.
  void call(std::string_view what, bool grouped, double timeout_s, const std::function<int(NcclComm)>& body);
  /// collective. Frees it in good order. throws: PeerFailure.
  void close(double timeout_s);
  /// Ends it at once; never throws.
  void abort();
  bool ended() const;
  /// What NCCL reports by itself, or "".
  std::string trouble() const;

 private:
  void await(std::string_view what, double timeout_s);
  [[noreturn]] void fail(std::string_view what, int code) const;

  const NcclApi& nccl_;
  std::string name_;  // NCCL keeps a pointer to it
  mutable std::mutex mutex_;
  NcclComm comm_ = nullptr;  // guarded by mutex_
  bool ended_ = false;       // guarded by mutex_
};

}  // namespace muster::comm
