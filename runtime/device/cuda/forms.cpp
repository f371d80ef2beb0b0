#include "runtime/device/cuda/forms.h"

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <cstdint>

namespace muster::device::cuda {
namespace {

static_assert(kCudaNotReady == cudaErrorNotReady);

cudaStream_t stream_of(StreamHandle handle) { return static_cast<cudaStream_t>(handle); }
cudaEvent_t event_of(EventHandle handle) { return static_cast<cudaEvent_t>(handle); }

int stream_create(StreamHandle* stream, bool high_priority) {
  int least = 0, greatest = 0;
  if (const cudaError_t code = cudaDeviceGetStreamPriorityRange(&least, &greatest); code != cudaSuccess) return code;
  return cudaStreamCreateWithPriority(reinterpret_cast<cudaStream_t*>(stream), cudaStreamNonBlocking,
                                      high_priority ? greatest : least);
}

int stream_is_capturing(StreamHandle stream, bool* capturing) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  const cudaError_t code = cudaStreamIsCapturing(stream_of(stream), &status);
  *capturing = status != cudaStreamCaptureStatusNone;
  return code;
}

int event_query(EventHandle event) {
  const cudaError_t code = cudaEventQuery(event_of(event));
  if (code == cudaErrorNotReady) cudaGetLastError();  // not an error: it must not be found by a later check
  return code;
}

c10::DeviceIndex index_of(int device) { return static_cast<c10::DeviceIndex>(device); }

void allocator_bytes(int device, std::int64_t* allocated, std::int64_t* peak, std::int64_t* reserved) {
  constexpr auto all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(index_of(device));
  *allocated = stats.allocated_bytes[all].current;
  *peak = stats.allocated_bytes[all].peak;
  *reserved = stats.reserved_bytes[all].current;
}

CudaApi make_table() {
  CudaApi api;
  api.device_count = [](int* count) { return static_cast<int>(cudaGetDeviceCount(count)); };
  api.set_device = [](int device) { return static_cast<int>(cudaSetDevice(device)); };
  api.stream_create = stream_create;
  api.stream_destroy = [](StreamHandle stream) { return static_cast<int>(cudaStreamDestroy(stream_of(stream))); };
  api.stream_synchronize = [](StreamHandle stream) {
    return static_cast<int>(cudaStreamSynchronize(stream_of(stream)));
  };
  api.stream_wait_event = [](StreamHandle stream, EventHandle event) {
    return static_cast<int>(cudaStreamWaitEvent(stream_of(stream), event_of(event), 0));
  };
  api.stream_is_capturing = stream_is_capturing;
  api.event_create = [](EventHandle* event, bool timed) {
    return static_cast<int>(cudaEventCreateWithFlags(reinterpret_cast<cudaEvent_t*>(event),
                                                     timed ? cudaEventDefault : cudaEventDisableTiming));
  };
  api.event_destroy = [](EventHandle event) { return static_cast<int>(cudaEventDestroy(event_of(event))); };
  api.event_record = [](EventHandle event, StreamHandle stream) {
    return static_cast<int>(cudaEventRecord(event_of(event), stream_of(stream)));
  };
  api.event_query = event_query;
  api.event_synchronize = [](EventHandle event) { return static_cast<int>(cudaEventSynchronize(event_of(event))); };
  api.event_elapsed = [](float* elapsed_ms, EventHandle begin, EventHandle end) {
    return static_cast<int>(cudaEventElapsedTime(elapsed_ms, event_of(begin), event_of(end)));
  };
  api.memory_copy = [](void* to, const void* from, std::size_t bytes, StreamHandle stream) {
    return static_cast<int>(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream_of(stream)));
  };
  api.memory_take = [](void** pointer, std::size_t bytes) { return static_cast<int>(cudaMalloc(pointer, bytes)); };
  api.memory_give = [](void* pointer) { return static_cast<int>(cudaFree(pointer)); };
  api.memory_info = [](std::size_t* free_bytes, std::size_t* total_bytes) {
    return static_cast<int>(cudaMemGetInfo(free_bytes, total_bytes));
  };
  api.error_text = [](int code) { return cudaGetErrorString(static_cast<cudaError_t>(code)); };
  api.current_stream = [](int device) {
    return static_cast<StreamHandle>(c10::cuda::getCurrentCUDAStream(index_of(device)).stream());
  };
  api.set_current_stream = [](int device, StreamHandle stream) {
    // The legacy default stream has no handle, and ATen takes only others as external ones.
    c10::cuda::setCurrentCUDAStream(stream == nullptr
                                        ? c10::cuda::getDefaultCUDAStream(index_of(device))
                                        : c10::cuda::getStreamFromExternal(stream_of(stream), index_of(device)));
  };
  api.allocator_bytes = allocator_bytes;
  api.allocator_reset_peak = [](int device) { c10::cuda::CUDACachingAllocator::resetPeakStats(index_of(device)); };
  return api;
}

}  // namespace

const CudaApi& cuda_api() {
  static const CudaApi api = make_table();
  return api;
}

void register_forms(Forms& forms) { forms.add<const CudaApi&()>("cuda_api", cuda_api); }

}  // namespace muster::device::cuda
