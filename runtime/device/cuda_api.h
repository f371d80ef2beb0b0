// The few calls of the CUDA runtime that device/ and comm/ make, as a table: the real one lies in libmuster_cuda.so,
// and the tests bring an asynchronous stand-in over host memory, so that the code above it is the same in both.
//
// Every function that returns int returns a cudaError_t (0: success). Handles are opaque.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace muster::device {

using StreamHandle = void*;  // cudaStream_t
using EventHandle = void*;   // cudaEvent_t

inline constexpr int kCudaNotReady = 600;  // cudaErrorNotReady: what a query answers while work is pending

struct CudaApi {
  bool on_host = false;  // the stand-in of the tests: its device memory is the host's
  int (*device_count)(int* count) = nullptr;
  int (*set_device)(int device) = nullptr;
  int (*stream_create)(StreamHandle* stream,
                       bool high_priority) = nullptr;  // non-blocking with respect to the legacy stream
  int (*stream_destroy)(StreamHandle stream) = nullptr;
  int (*stream_synchronize)(StreamHandle stream) = nullptr;
  int (*stream_wait_event)(StreamHandle stream, EventHandle event) = nullptr;
  int (*stream_is_capturing)(StreamHandle stream, bool* capturing) = nullptr;
  int (*event_create)(EventHandle* event, bool timed) = nullptr;
  int (*event_destroy)(EventHandle event) = nullptr;
  int (*event_record)(EventHandle event, StreamHandle stream) = nullptr;
  int (*event_query)(EventHandle event) = nullptr;  // 0 done, kCudaNotReady pending
  int (*event_synchronize)(EventHandle event) = nullptr;
  int (*event_elapsed)(float* elapsed_ms, EventHandle begin, EventHandle end) = nullptr;
  int (*memory_copy)(void* to, const void* from, std::size_t bytes, StreamHandle stream) = nullptr;  // any direction
  int (*memory_take)(void** pointer, std::size_t bytes) = nullptr;                                   // cudaMalloc
  int (*memory_give)(void* pointer) = nullptr;                                                       // cudaFree
  int (*memory_info)(std::size_t* free_bytes, std::size_t* total_bytes) = nullptr;
  const char* (*error_text)(int code) = nullptr;
  /// The stream that ATen's operations of this thread go to.
  StreamHandle (*current_stream)(int device) = nullptr;
  void (*set_current_stream)(int device, StreamHandle stream) = nullptr;
  /// ATen's caching allocator: bytes handed out now and at most since the last reset.
  void (*allocator_bytes)(int device, std::int64_t* allocated, std::int64_t* peak, std::int64_t* reserved) = nullptr;
  void (*allocator_reset_peak)(int device) = nullptr;
};

/// throws: Error::cluster naming the call and what the driver says, unless `code` is 0.
void check_cuda(const CudaApi& cuda, int code, std::string_view call);

}  // namespace muster::device

/// The one check of CUDA calls: CUDA_CHECK(cuda, stream_synchronize(stream)).
#define CUDA_CHECK(api, call) ::muster::device::check_cuda((api), (api).call, #call)
