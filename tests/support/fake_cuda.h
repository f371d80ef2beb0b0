// A stand-in for the calls of device/cuda_api.h over host memory, and asynchronous as the real ones are: a stream is a
// queue with a thread of its own that starts each piece of work after a random delay, so what is not ordered by an
// event comes in the wrong order sooner or later. Use it in one process at a time, after the fork (run_ranks).
#pragma once

#include <functional>
#include <string>

#include "runtime/device/cuda_api.h"

namespace muster::tests {

/// The table. Everything that it makes lives until it is destroyed or the process ends.
const device::CudaApi& fake_cuda();

/// Puts host work on a stream, as a kernel would be; null is the default stream.
void fake_launch(device::StreamHandle stream, std::function<void()> kernel);

/// Sleeps for a random while of at most `at_most_us`.
void fake_delay(int at_most_us);

/// Makes every later delay of the process `times` as long. For tests that look for a wrong order, which the host's own
/// pauses on a busy machine would hide.
void fake_slow_down(int times);

/// Prints what a user of the real libraries would have done wrong and ends the process with kFaultCode.
inline constexpr int kFaultCode = 66;
[[noreturn]] void fake_fault(const std::string& what);

}  // namespace muster::tests
