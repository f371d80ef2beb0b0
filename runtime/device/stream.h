// Owners of streams and events, and the order between streams. On a CPU all of them are empty and every wait is over at
// once: the same lines run on both.
#pragma once

#include <string>
#include <utility>

#include "runtime/device/cuda_api.h"

namespace muster::device {

/// Where a rank computes. `cuda` null: the CPU.
struct Device {
  int index = 0;
  const CudaApi* cuda = nullptr;
  bool is_cuda() const { return cuda != nullptr; }
};

/// A stream that somebody else owns.
class StreamRef {
 public:
  StreamRef() = default;
  StreamRef(Device device, StreamHandle handle) : device_(device), handle_(handle) {}
  const Device& device() const { return device_; }
  StreamHandle handle() const { return handle_; }
  /// The host waits for all that was put on the stream. throws: Error::cluster.
  void synchronize() const;

 private:
  Device device_;
  StreamHandle handle_ = nullptr;
};

/// The stream that ATen's operations of this thread go to.
StreamRef current_stream(const Device& device);

/// A stream of one's own: "compute", "comm", "copy".
class Stream {
 public:
  /// throws: Error::cluster.
  Stream(Device device, std::string name, bool high_priority = false);
  Stream(Stream&& other) noexcept
      : device_(other.device_), name_(std::move(other.name_)), handle_(std::exchange(other.handle_, nullptr)) {}
  Stream& operator=(Stream&&) = delete;
  ~Stream();
  StreamRef ref() const { return {device_, handle_}; }
  const std::string& name() const { return name_; }

 private:
  Device device_;
  std::string name_;
  StreamHandle handle_ = nullptr;
};

/// A point in a stream's work.
class Event {
 public:
  /// `timed`: elapsed_ms may be asked. throws: Error::cluster.
  explicit Event(Device device, bool timed = false);
  Event(Event&& other) noexcept : device_(other.device_), handle_(std::exchange(other.handle_, nullptr)) {}
  Event& operator=(Event&& other) noexcept;
  ~Event();
  EventHandle handle() const { return handle_; }
  const Device& device() const { return device_; }
  /// After all that is on the stream now.
  void record(const StreamRef& stream);
  /// What is put on `stream` from now on waits for the recorded point; the host does not.
  void block(const StreamRef& stream) const;
  bool done() const;
  void synchronize() const;
  /// Between two recorded and reached timed events; 0 on a CPU.
  static double elapsed_ms(const Event& begin, const Event& end);

 private:
  Device device_;
  EventHandle handle_ = nullptr;
};

/// Makes ATen's operations of this thread go to `stream` while it lives.
class CurrentStreamGuard {
 public:
  explicit CurrentStreamGuard(const StreamRef& stream);
  ~CurrentStreamGuard();
  CurrentStreamGuard(const CurrentStreamGuard&) = delete;
  CurrentStreamGuard& operator=(const CurrentStreamGuard&) = delete;

 private:
  StreamRef before_;
};

}  // namespace muster::device
