// The table of rotations of a model: how fast each pair of elements turns, and the cosines and sines of all positions.
#pragma once

#include "runtime/ops/layers.h"
#include "runtime/spec/parameters.h"

namespace muster::model {

/// float32 throughout, as Hugging Face computes it. source: arXiv:2104.09864; Llama-3's scaling: low frequencies are
/// slowed by `rope_factor`, high ones kept, those between blended.
ops::RopeTable make_rope_table(const spec::ModelFacts& facts, std::int64_t num_positions, at::Device device);

}  // namespace muster::model
