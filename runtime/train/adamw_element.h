// What AdamW does to one element: the same lines on the CPU and in a CUDA thread.
#pragma once

#include <cmath>

#if defined(__CUDACC__)
#define MUSTER_HOST_DEVICE __host__ __device__
#else
#define MUSTER_HOST_DEVICE
#endif

namespace muster::train {

struct AdamwFactors {
  float gradient_scale = 1;  // of clipping
  float keep = 1;            // 1 - lr * weight decay
  float beta1 = 0, beta2 = 0;
  float step_size = 0;     // lr / (1 - beta1^t)
  float second_scale = 1;  // 1 / sqrt(1 - beta2^t)
  float eps = 0;
};

/// Updates both moments and returns the new main weight.
MUSTER_HOST_DEVICE inline float adamw_element(float weight, float& first, float& second, float gradient,
                                              const AdamwFactors& factors) {
  const float scaled = gradient * factors.gradient_scale;
  first = factors.beta1 * first + (1 - factors.beta1) * scaled;
  second = factors.beta2 * second + (1 - factors.beta2) * scaled * scaled;
  return weight * factors.keep - factors.step_size * first / (sqrtf(second) * factors.second_scale + factors.eps);
}

}  // namespace muster::train
