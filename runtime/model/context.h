// What a trainer and a generator differ in.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace muster::model {

/// How the tokens of a forward pass see each other: packed sequences in the trainer, the paged cache in the generator.
class Context {
 public:
  virtual ~Context() = default;
  /// Attention of one layer: q_THE, k_TKE, v_TKE after norm and rotation -> o_THE.
  virtual at::Tensor attend(std::int64_t layer, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                            const at::Tensor& v_TKE) = 0;
};

}  // namespace muster::model
