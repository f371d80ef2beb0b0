// Who sends which box to whom: pure arithmetic over the layouts of both sides. Every rank derives the same ordered list
// and keeps its own part.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/spec/parameters.h"

namespace muster::refit {

/// The ranks of the run that train and generate, by role rank.
struct RefitLayouts {
  spec::Degrees train, generate;
  std::vector<std::int64_t> train_ranks, gen_ranks;  // run rank of each role rank
};

struct Transfer {
  std::int64_t parameter = 0;           // index into parameters_of
  spec::Box box;                        // global
  std::int64_t source = 0, target = 0;  // run ranks; equal: a copy on the rank
};

/// Covers each target's boxes exactly once. A rank that holds a box itself copies it; otherwise sources are balanced by
/// bytes over the replicas that hold it. Ordered by parameter, the same on every rank. `visit` sees one after another:
/// 512 ranks of DeepSeek-V3 have 23 million of them.
void for_route(const spec::ModelFacts& facts, const RefitLayouts& layouts,
               const std::function<void(const Transfer&)>& visit);
/// All of them.
std::vector<Transfer> plan_route(const spec::ModelFacts& facts, const RefitLayouts& layouts);
/// Elements that must cross between ranks at least: what targets need and do not hold themselves.
std::int64_t least_elements(const spec::ModelFacts& facts, const RefitLayouts& layouts);

}  // namespace muster::refit
