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
  /// Whether it keeps the latents of latent attention, and not the keys and values that are made of them: it is then
  /// asked for attend_latents.
  virtual bool keeps_latents() const { return false; }
  /// Attention of one layer whose keys are the latents with their rotated key, latent_TC, one for all heads, and whose
  /// values are the latents: q_THC -> [T, H, C], of which the columns of the latent count. Scores are divided by
  /// sqrt(C).
  virtual at::Tensor attend_latents(std::int64_t layer, const at::Tensor& q_THC, const at::Tensor& latent_TC);
};

}  // namespace muster::model
