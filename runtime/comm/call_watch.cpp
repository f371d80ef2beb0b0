#include "runtime/comm/call_watch.h"

#include <pthread.h>

#include <chrono>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::comm {
namespace {

constexpr std::chrono::milliseconds kLookEvery(20);

}  // namespace

CallWatch::CallWatch(device::Device device, double timeout_s, std::function<void(const std::string&)> on_failure)
    : device_(device), timeout_s_(timeout_s), on_failure_(std::move(on_failure)), thread_([this](std::stop_token stop) {
        ::pthread_setname_np(::pthread_self(), "call-watch");
        run(stop);
      }) {}

CallWatch::~CallWatch() {
  thread_.request_stop();
  changed_.notify_all();
  thread_.join();
}

int CallWatch::add(Watched watched) {
  const std::lock_guard lock(mutex_);
  watched_.emplace_back(++next_id_, std::move(watched));
  return next_id_;
}

void CallWatch::remove(int id) {
  const std::lock_guard lock(mutex_);
  watched_.remove_if([id](const auto& entry) { return entry.first == id; });
}

device::Event CallWatch::take_event() {
  const std::lock_guard lock(mutex_);
  if (spare_.empty()) return device::Event(device_);
  device::Event event = std::move(spare_.back());
  spare_.pop_back();
  return event;
}

void CallWatch::follow(device::Event event, std::string call) {
  const std::lock_guard lock(mutex_);
  pending_.push_back({std::move(event), std::move(call), base::steady_s() + timeout_s_});
  if (pending_.size() == 1) changed_.notify_all();
}

std::optional<std::string> CallWatch::failure() {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void CallWatch::run(std::stop_token stop) {
  if (device_.is_cuda()) device_.cuda->set_device(device_.index);
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    changed_.wait(lock, stop, [this] { return !pending_.empty(); });
    if (stop.stop_requested()) return;
    look();
    if (failure_) {
      const std::string failure = *failure_;
      for (const auto& entry : watched_) entry.second.abort();
      pending_.clear();
      lock.unlock();
      if (on_failure_) on_failure_(failure);
      return;  // one failure ends the rank's communication
    }
    changed_.wait_for(lock, stop, kLookEvery, [] { return false; });
  }
}

/// Takes away what is done; sets failure_ when the oldest is late or NCCL is in trouble.
void CallWatch::look() {
  try {
    // Calls of one communicator complete in order; those of several need not, so all are asked.
    for (auto entry = pending_.begin(); entry != pending_.end();) {
      if (entry->event.done()) {
        spare_.push_back(std::move(entry->event));
        entry = pending_.erase(entry);
      } else {
        ++entry;
      }
    }
  } catch (const Error& error) {
    failure_ = error.what();
    return;
  }
  if (pending_.empty()) return;
  if (base::steady_s() > pending_.front().deadline_s) {
    failure_ = base::text(pending_.front().call, " did not complete within ", base::seconds_text(timeout_s_));
    return;
  }
  for (const auto& entry : watched_)
    if (std::string trouble = entry.second.trouble(); !trouble.empty()) {
      failure_ = base::text(pending_.front().call, ": ", trouble);
      return;
    }
}

}  // namespace muster::comm
