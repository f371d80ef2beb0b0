// Layouts for the tests of this room, and weights whose every element tells where it belongs.
#pragma once

#include <numeric>
#include <string>
#include <vector>

#include "runtime/refit/route.h"

namespace muster::refit {

inline spec::ModelFacts grouped_model() {
  return {.family = spec::Family::qwen3,
          .hidden_size = 8,
          .num_layers = 2,
          .num_heads = 4,
          .num_kv_heads = 2,
          .head_dim = 4,
          .intermediate_size = 12,
          .vocab_size = 20,
          .max_position_embeddings = 32,
          .tied_embeddings = false,
          .qk_norm = true};
}

struct Layout {
  std::string name;
  RefitLayouts layouts;
  std::int64_t world_size = 0;
};

inline std::vector<std::int64_t> ranks_from(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> ranks(static_cast<std::size_t>(count));
  std::iota(ranks.begin(), ranks.end(), first);
  return ranks;
}

/// Both roles on the same ranks, from rank 0.
inline Layout colocated(const std::string& name, const spec::Degrees& train, const spec::Degrees& generate) {
  return {name,
          {train, generate, ranks_from(0, train.ranks()), ranks_from(0, generate.ranks())},
          std::max(train.ranks(), generate.ranks())};
}

/// The trainer's ranks first.
inline Layout split(const std::string& name, const spec::Degrees& train, const spec::Degrees& generate) {
  return {name,
          {train, generate, ranks_from(0, train.ranks()), ranks_from(train.ranks(), generate.ranks())},
          train.ranks() + generate.ranks()};
}

}  // namespace muster::refit
