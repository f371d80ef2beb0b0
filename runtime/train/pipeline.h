// The one executor of the pipeline's schedule (spec/schedule.h): micro batches through this rank's chunks of the model.
// A pipeline of one stage is a loop over micro batches; between stages a micro batch sends its stream (the T x D
// elements of this rank) once forward and once backward. Letters: T tokens of a micro batch, D model width.
#pragma once

#include <functional>
#include <span>

#include "runtime/model/decoder.h"
#include "runtime/parallel/mesh.h"
#include "runtime/train/logprobs.h"
#include "runtime/weights/shard_store.h"

namespace muster::train {

/// Sum over this rank's micro batch of the loss (already divided by the global count), given scores with gradient.
/// Asked on the ranks of the last stage that score tokens of it.
using Loss = std::function<at::Tensor(const parallel::TokenLogprobs& scores, const PackedBatch& batch)>;
/// Takes the scores of a micro batch, on the ranks of the last stage.
using TakeScores = std::function<void(const parallel::TokenLogprobs& scores, const PackedBatch& batch)>;

/// Forward alone. All ranks of a tp group and all stages pass the same batches, all ranks of cp their shares of the
/// same; idle ones are added. `on_progress` (may be empty) is called after each piece of work. collective: tp, cp, pp,
/// ep; dp_cp where parameters are cut over it.
void run_forward(parallel::Mesh& mesh, const model::Decoder& decoder, std::vector<PackedBatch> batches,
                 const LogprobOptions& options, const TakeScores& take, const std::function<void()>& on_progress);
/// Adds batches of nothing where another replica has more, if ranks meet in every micro batch: where each gathers
/// parameters from all, or holds experts of others. collective: dp_cp in these cases.
void add_idle_batches(parallel::Mesh& mesh, std::vector<PackedBatch>& batches, const LogprobOptions& options,
                      at::Device device);
/// Forward and backward, of batches that add_idle_batches saw; gradients are added where the decoder has them. Returns
/// the sum of the losses, a float64 scalar, 0 on stages before the last. collective: as above.
at::Tensor run_forward_backward(parallel::Mesh& mesh, const model::Decoder& decoder, std::vector<PackedBatch> batches,
                                const LogprobOptions& options, const Loss& loss,
                                const std::function<void()>& on_progress);

}  // namespace muster::train
