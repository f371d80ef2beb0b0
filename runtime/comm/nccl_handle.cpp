#include "runtime/comm/nccl_handle.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/text.h"
#include "runtime/comm/communicator.h"

namespace muster::comm {

void NcclHandle::init(const NcclUniqueId& id, int rank, int size, double timeout_s) {
  int code;
  {
    const std::lock_guard lock(mutex_);
    code = nccl_.comm_init(&comm_, size, &id, rank, name_.c_str());
  }
  if (code != kNcclSuccess && code != kNcclInProgress) fail("ncclCommInitRankConfig", code);
  await("ncclCommInitRankConfig", timeout_s);
}

void NcclHandle::split(int color, int key, NcclHandle* part, double timeout_s) {
  NcclComm made = nullptr;
  call("ncclCommSplit", false, timeout_s, [&](NcclComm comm) {
    return nccl_.comm_split(comm, part == nullptr ? kNcclNoColor : color, key, &made,
                            part == nullptr ? nullptr : part->name_.c_str());
  });
  if (part == nullptr) return;
  {
    const std::lock_guard lock(part->mutex_);
    part->comm_ = made;
  }
  part->await("ncclCommSplit", timeout_s);
}

void NcclHandle::call(std::string_view what, bool grouped, double timeout_s, const std::function<int(NcclComm)>& body) {
  int code;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) throw PeerFailure{-1, "the communicator was aborted"};
    code = grouped ? nccl_.group_start() : kNcclSuccess;
    if (code == kNcclSuccess) code = body(comm_);
    if (grouped) {
      const int end = nccl_.group_end();
      if (code == kNcclSuccess || code == kNcclInProgress) code = end;
    }
  }
  if (code != kNcclSuccess && code != kNcclInProgress) fail(what, code);
  await(what, timeout_s);
}

void NcclHandle::close(double timeout_s) {
  call("ncclCommFinalize", false, timeout_s, [&](NcclComm comm) { return nccl_.comm_finalize(comm); });
  const std::lock_guard lock(mutex_);
  if (std::exchange(ended_, true)) return;
  if (const int code = nccl_.comm_destroy(comm_); code != kNcclSuccess) fail("ncclCommDestroy", code);
}

void NcclHandle::abort() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(ended_, true) || comm_ == nullptr) return;
  nccl_.comm_abort(comm_);  // whatever it answers, nothing more can be done with it
}

bool NcclHandle::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

std::string NcclHandle::trouble() const {
  const std::lock_guard lock(mutex_);
  if (ended_ || comm_ == nullptr) return {};
  int state = kNcclSuccess;
  const int code = nccl_.comm_async_error(comm_, &state);
  if (code != kNcclSuccess) state = code;
  if (state == kNcclSuccess || state == kNcclInProgress) return {};
  return base::text("NCCL: ", nccl_.error_text(state), " (", nccl_.last_error(comm_), ") on ", name_);
}

void NcclHandle::await(std::string_view what, double timeout_s) {
  const double deadline_s = base::steady_s() + timeout_s;
  for (int pause_us = 20;; pause_us = std::min(2 * pause_us, 2000)) {
    int state = kNcclSuccess;
    {
      const std::lock_guard lock(mutex_);
      if (ended_) throw PeerFailure{-1, "the communicator was aborted"};
      if (const int code = nccl_.comm_async_error(comm_, &state); code != kNcclSuccess) state = code;
    }
    if (state == kNcclSuccess) return;
    if (state != kNcclInProgress) fail(what, state);
    if (base::steady_s() > deadline_s)
      throw PeerFailure{-1, base::text(what, " of ", name_, " was not done within ", base::seconds_text(timeout_s),
                                       ": not all ranks came")};
    std::this_thread::sleep_for(std::chrono::microseconds(pause_us));
  }
}

void NcclHandle::fail(std::string_view what, int code) const {
  throw PeerFailure{
      -1, base::text("NCCL: ", nccl_.error_text(code), " (", nccl_.last_error(comm_), ") in ", what, " of ", name_)};
}

}  // namespace muster::comm
