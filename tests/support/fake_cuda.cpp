#include "tests/support/fake_cuda.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "runtime/base/clock.h"

namespace muster::tests {
namespace {

constexpr int kDelay_us = 600;

class FakeStream {
 public:
  FakeStream() : thread_([this](std::stop_token stop) { run(stop); }) {}
  void put(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
    changed_.notify_all();
  }
  void drain() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return queue_.empty() && !busy_; });
  }
  ~FakeStream() { drain(); }

 private:
  void run(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !queue_.empty(); })) {
      const std::function<void()> work = std::move(queue_.front());
      queue_.pop_front();
      busy_ = true;
      lock.unlock();
      work();
      lock.lock();
      busy_ = false;
      changed_.notify_all();
    }
  }
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  bool busy_ = false;                        // guarded by mutex_
  std::jthread thread_;
};

struct EventState {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t recorded = 0, reached = 0;  // guarded by mutex
  double reached_s = 0;                     // guarded by mutex
  bool timed = false;
};

struct FakeEvent {
  std::shared_ptr<EventState> state = std::make_shared<EventState>();  // shared: with the queues that still pass it
};

// The stand-in plays the one device of a process, so its state is the process's.
struct FakeDevice {
  std::mutex mutex;
  std::map<void*, std::unique_ptr<FakeStream>> streams;  // guarded by mutex
  std::unique_ptr<FakeStream> default_stream = std::make_unique<FakeStream>();
};
FakeDevice& fake_device() {
  static auto* device = new FakeDevice;  // never destroyed: threads may still wait in it when the process ends
  return *device;
}
thread_local device::StreamHandle this_threads_stream = nullptr;
std::atomic<int> delays_times = 1;

FakeStream& stream_of(device::StreamHandle handle) {
  FakeDevice& device = fake_device();
  if (handle == nullptr) return *device.default_stream;
  const std::lock_guard lock(device.mutex);
  const auto found = device.streams.find(handle);
  if (found == device.streams.end()) fake_fault("a stream is used that was destroyed");
  return *found->second;
}

EventState& event_of(device::EventHandle handle) { return *static_cast<FakeEvent*>(handle)->state; }

int stream_create(device::StreamHandle* stream, bool) {
  auto made = std::make_unique<FakeStream>();
  *stream = made.get();
  FakeDevice& device = fake_device();
  const std::lock_guard lock(device.mutex);
  device.streams[*stream] = std::move(made);
  return 0;
}

int stream_destroy(device::StreamHandle stream) {
  stream_of(stream).drain();
  FakeDevice& device = fake_device();
  std::unique_ptr<FakeStream> gone;
  const std::lock_guard lock(device.mutex);
  gone = std::move(device.streams[stream]);
  device.streams.erase(stream);
  return 0;
}

int stream_synchronize(device::StreamHandle stream) {
  stream_of(stream).drain();
  return 0;
}

int event_record(device::EventHandle handle, device::StreamHandle stream) {
  auto state = static_cast<FakeEvent*>(handle)->state;
  std::uint64_t number;
  {
    const std::lock_guard lock(state->mutex);
    number = ++state->recorded;
  }
  stream_of(stream).put([state, number] {
    const std::lock_guard lock(state->mutex);
    state->reached = std::max(state->reached, number);
    state->reached_s = base::steady_s();
    state->changed.notify_all();
  });
  return 0;
}

int stream_wait_event(device::StreamHandle stream, device::EventHandle handle) {
  auto state = static_cast<FakeEvent*>(handle)->state;
  std::uint64_t number;
  {
    const std::lock_guard lock(state->mutex);
    number = state->recorded;
  }
  stream_of(stream).put([state, number] {
    std::unique_lock lock(state->mutex);
    state->changed.wait(lock, [&] { return state->reached >= number; });
  });
  return 0;
}

int event_query(device::EventHandle handle) {
  EventState& state = event_of(handle);
  const std::lock_guard lock(state.mutex);
  return state.reached >= state.recorded ? 0 : device::kCudaNotReady;
}

int event_synchronize(device::EventHandle handle) {
  EventState& state = event_of(handle);
  std::unique_lock lock(state.mutex);
  state.changed.wait(lock, [&] { return state.reached >= state.recorded; });
  return 0;
}

int event_elapsed(float* elapsed_ms, device::EventHandle begin, device::EventHandle end) {
  if (!event_of(begin).timed || !event_of(end).timed) return 400;  // cudaErrorInvalidResourceHandle
  if (event_query(begin) != 0 || event_query(end) != 0) return device::kCudaNotReady;
  *elapsed_ms = static_cast<float>((event_of(end).reached_s - event_of(begin).reached_s) * 1e3);
  return 0;
}

int memory_give(void* pointer) {
  FakeDevice& device = fake_device();  // cudaFree waits for the device
  {
    const std::lock_guard lock(device.mutex);
    for (const auto& entry : device.streams) entry.second->drain();
  }
  std::free(pointer);
  return 0;
}

device::CudaApi make_table() {
  device::CudaApi api;
  api.on_host = true;
  api.device_count = [](int* count) { return *count = 1, 0; };
  api.set_device = [](int) { return 0; };
  api.stream_create = stream_create;
  api.stream_destroy = stream_destroy;
  api.stream_synchronize = stream_synchronize;
  api.stream_wait_event = stream_wait_event;
  api.stream_is_capturing = [](device::StreamHandle, bool* capturing) { return *capturing = false, 0; };
  api.event_create = [](device::EventHandle* event, bool timed) {
    auto* made = new FakeEvent;
    made->state->timed = timed;
    return *event = made, 0;
  };
  api.event_destroy = [](device::EventHandle event) { return delete static_cast<FakeEvent*>(event), 0; };
  api.event_record = event_record;
  api.event_query = event_query;
  api.event_synchronize = event_synchronize;
  api.event_elapsed = event_elapsed;
  api.memory_copy = [](void* to, const void* from, std::size_t bytes, device::StreamHandle stream) {
    fake_launch(stream, [=] { std::memcpy(to, from, bytes); });
    return 0;
  };
  api.memory_take = [](void** pointer, std::size_t bytes) { return *pointer = std::malloc(bytes), 0; };
  api.memory_give = memory_give;
  api.memory_info = [](std::size_t* free_bytes, std::size_t* total_bytes) {
    return *free_bytes = 1 << 30, *total_bytes = 2u << 30, 0;
  };
  api.error_text = [](int) { return "an error of the stand-in"; };
  api.current_stream = [](int) { return this_threads_stream; };
  api.set_current_stream = [](int, device::StreamHandle stream) { this_threads_stream = stream; };
  api.allocator_bytes = [](int, std::int64_t* allocated, std::int64_t* peak, std::int64_t* reserved) {
    *allocated = 100, *peak = 200, *reserved = 300;
  };
  api.allocator_reset_peak = [](int) {};
  return api;
}

}  // namespace

const device::CudaApi& fake_cuda() {
  static const device::CudaApi api = make_table();
  return api;
}

void fake_launch(device::StreamHandle stream, std::function<void()> kernel) {
  stream_of(stream).put([kernel = std::move(kernel)] {
    fake_delay(kDelay_us);
    kernel();
  });
}

void fake_delay(int at_most_us) {
  thread_local std::minstd_rand random(static_cast<unsigned>(::getpid()) * 7919u);
  const auto at_most = static_cast<unsigned>(at_most_us * delays_times);
  std::this_thread::sleep_for(std::chrono::microseconds(random() % at_most));
}

void fake_slow_down(int times) { delays_times = times; }

void fake_fault(const std::string& what) {
  std::fprintf(stderr, "stand-in: %s\n", what.c_str());
  std::fflush(nullptr);
  ::_exit(kFaultCode);
}

}  // namespace muster::tests
