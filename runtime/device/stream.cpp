#include "runtime/device/stream.h"

namespace muster::device {

void StreamRef::synchronize() const {
  if (device_.is_cuda()) CUDA_CHECK(*device_.cuda, stream_synchronize(handle_));
}

StreamRef current_stream(const Device& device) {
  return {device, device.is_cuda() ? device.cuda->current_stream(device.index) : nullptr};
}

Stream::Stream(Device device, std::string name, bool high_priority) : device_(device), name_(std::move(name)) {
  if (device_.is_cuda()) CUDA_CHECK(*device_.cuda, stream_create(&handle_, high_priority));
}

Stream::~Stream() {
  if (handle_ != nullptr) device_.cuda->stream_destroy(handle_);
}

Event::Event(Device device, bool timed) : device_(device) {
  if (device_.is_cuda()) CUDA_CHECK(*device_.cuda, event_create(&handle_, timed));
}

Event& Event::operator=(Event&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  return *this;
}

Event::~Event() {
  if (handle_ != nullptr) device_.cuda->event_destroy(handle_);
}

void Event::record(const StreamRef& stream) {
  if (device_.is_cuda()) CUDA_CHECK(*device_.cuda, event_record(handle_, stream.handle()));
}

void Event::block(const StreamRef& stream) const {
  if (device_.is_cuda()) CUDA_CHECK(*device_.cuda, stream_wait_event(stream.handle(), handle_));
}

bool Event::done() const {
  if (!device_.is_cuda()) return true;
  const int code = device_.cuda->event_query(handle_);
  if (code == kCudaNotReady) return false;
  check_cuda(*device_.cuda, code, "event_query");
  return true;
}

void Event::synchronize() const {
  if (device_.is_cuda()) CUDA_CHECK(*device_.cuda, event_synchronize(handle_));
}

double Event::elapsed_ms(const Event& begin, const Event& end) {
  if (!begin.device_.is_cuda()) return 0;
  float elapsed_ms = 0;
  CUDA_CHECK(*begin.device_.cuda, event_elapsed(&elapsed_ms, begin.handle_, end.handle_));
  return elapsed_ms;
}

CurrentStreamGuard::CurrentStreamGuard(const StreamRef& stream) : before_(current_stream(stream.device())) {
  if (stream.device().is_cuda()) stream.device().cuda->set_current_stream(stream.device().index, stream.handle());
}

CurrentStreamGuard::~CurrentStreamGuard() {
  if (before_.device().is_cuda()) before_.device().cuda->set_current_stream(before_.device().index, before_.handle());
}

}  // namespace muster::device
