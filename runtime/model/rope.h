// The table of rotations of a model: how fast each pair of elements turns, and the cosines and sines of all positions.
#pragma once

#include "runtime/ops/layers.h"
#include "runtime/spec/parameters.h"

namespace muster::model {

/// The table is float32 throughout, as Hugging Face computes it. Linear scaling slows all frequencies by `rope_factor`;
/// Llama-3's the low ones, those between are blended; YaRN's too, by another rule, and it scales the table itself.
/// source: arXiv:2104.09864; YaRN: arXiv:2309.00071, with the defaults of transformers 5.24.
ops::RopeTable make_rope_table(const spec::ModelFacts& facts, std::int64_t num_positions, at::Device device);

}  // namespace muster::model
