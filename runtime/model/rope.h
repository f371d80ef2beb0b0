// The table of rotations of a model: how fast each pair of elements turns, and the cosines and sines of all positions.
#pragma once

#include "runtime/ops/layers.h"
#include "runtime/spec/parameters.h"

namespace muster::model {

/// Of heads, or of the rotated part of heads where latent attention turns a part alone. The table is float32
/// throughout, as Hugging Face computes it. Linear scaling slows all frequencies by `rope_factor`;
/// Llama-3's the low ones, those between are blended; YaRN's too, by another rule, and it scales the table itself.
/// source: arXiv:2104.09864; YaRN: arXiv:2309.00071, with the defaults of transformers 5.24.
ops::RopeTable make_rope_table(const spec::ModelFacts& facts, std::int64_t num_positions, at::Device device);

/// By what latent attention multiplies its scores beside 1/sqrt(E): 1 without YaRN or without its mscale_all_dim.
/// source: transformers 5.24, modeling_deepseek_v3.
double latent_score_factor(const spec::ModelFacts& facts);

}  // namespace muster::model
