// One layout of the trainer against its twin, which is one rank: same log-probabilities, losses, norms, gradients and
// weights, over three steps of two updates.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/train/trainer.h"
#include "tests/runtime/train/twin.h"
#include "tests/support/run_ranks.h"

namespace muster::train {

/// Runs the layout's ranks. The model gets a layer for each chunk of the pipeline at least; `change` alters the job.
void compare_layout(spec::ModelFacts facts, const spec::Degrees& degrees,
                    const std::function<void(spec::Job&)>& change = {});

spec::ModelFacts untied(spec::Family family);
spec::ModelFacts tied(spec::Family family);

/// Groups of this dp rank. All ranks of it get the same.
std::vector<Sequence> share_of(const std::vector<Sequence>& sequences, const spec::Degrees& degrees,
                               const spec::Coordinates& place);
/// The norm of the difference of every box over the norm, with a tenth of `relative` absolute.
void expect_boxes(const weights::ShardStore& found, const NamedTensors& expected, double relative,
                  const std::string& what);

}  // namespace muster::train
