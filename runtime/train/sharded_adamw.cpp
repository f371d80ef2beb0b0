// Letters: n elements of this rank's slice, 1/dp of the flat buffers.
#include "runtime/train/sharded_adamw.h"

#include <ATen/ATen.h>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/parallel/mesh.h"
#include "runtime/train/adamw.h"

namespace muster::train {
namespace {

std::int64_t bytes_of(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.numel() * tensor.element_size() : 0;
}

}  // namespace

ShardedAdamw::ShardedAdamw(const spec::OptimizerJob& optimizer, const spec::ModelFacts& facts,
                           const parallel::Mesh& mesh, weights::ShardStore& weights)
    : optimizer_(optimizer), weights_(weights) {
  // Parameters that are cut over dp themselves leave nothing to cut.
  slices_ = mesh.degrees().dp > 1 && mesh.degrees().fsdp == 0;
  const std::int64_t parts = slices_ ? mesh.degrees().dp : 1;
  const std::int64_t length = weights.flat().numel();
  INVARIANT(length % parts == 0, base::text("the flat weights (", length, ") are padded to a multiple of dp ", parts));
  const spec::Range slice = spec::part_of(length, parts, slices_ ? mesh.place().dp : 0);
  spec::Coordinates holder = mesh.place();
  if (slices_) holder.dp = 0;  // each rank of dp counts its slice of what all of them hold
  for (const weights::Shard& shard : weights.shards()) {
    const std::int64_t begin = std::max(shard.offset, slice.begin);
    const std::int64_t end = std::min(shard.offset + shard.numel, slice.end);
    if (begin >= end) continue;
    const bool decays = shard.parameter.shape.size() >= 2;
    const bool counts = spec::holds_first(facts, shard.parameter, mesh.degrees(), holder);
    if (!stretches_.empty() && stretches_.back().decays == decays && stretches_.back().counts == counts) {
      stretches_.back().length += end - begin;
    } else {
      stretches_.push_back({.begin = begin - slice.begin, .length = end - begin, .decays = decays, .counts = counts});
    }
  }
  weights_n_ = weights.flat().narrow(0, slice.begin, slice.size());
  main_is_weights_ = weights_n_.scalar_type() == at::kFloat;
  main_n_ = main_is_weights_ ? weights_n_ : weights_n_.to(at::kFloat);
  first_n_ = at::zeros(main_n_.sizes(), main_n_.options());
  second_n_ = at::zeros(main_n_.sizes(), main_n_.options());
  if (slices_) own_gradients_n_ = at::empty(main_n_.sizes(), main_n_.options());
}

void ShardedAdamw::reduce_gradients(parallel::Mesh& mesh, const at::Tensor& flat_gradients) {
  gradients_n_ = slices_ ? own_gradients_n_ : flat_gradients;
  if (slices_) mesh.dp().reduce_scatter(gradients_n_, flat_gradients, comm::Reduce::sum, "train.gradients");
}

at::Tensor ShardedAdamw::counted_square_sum() const {
  at::Tensor total = at::zeros({}, main_n_.options().dtype(at::kDouble));
  for (const Stretch& stretch : stretches_) {
    if (!stretch.counts) continue;
    const at::Tensor gradients_N = gradients_n_.narrow(0, stretch.begin, stretch.length);
    total += square_sum_forms().of(gradients_N)(gradients_N);
  }
  return total;
}

void ShardedAdamw::update(parallel::Mesh& mesh, double lr, double gradient_scale) {
  ++num_updates_;
  for (const Stretch& stretch : stretches_) {
    const auto part_of = [&stretch](const at::Tensor& tensor_n) {
      return tensor_n.narrow(0, stretch.begin, stretch.length);
    };
    at::Tensor main_N = part_of(main_n_);
    at::Tensor first_N = part_of(first_n_);
    at::Tensor second_N = part_of(second_n_);
    at::Tensor weights_N = main_is_weights_ ? at::Tensor() : part_of(weights_n_);
    const double decay = stretch.decays ? optimizer_.weight_decay : 0;
    adamw_forms().of(main_N)(
        main_N, first_N, second_N, part_of(gradients_n_), weights_N,
        adamw_factors(lr, optimizer_.beta1, optimizer_.beta2, optimizer_.eps, decay, gradient_scale, num_updates_));
  }
  gather_weights(mesh);
}

void ShardedAdamw::gather_weights(parallel::Mesh& mesh) {
  at::Tensor flat = weights_.flat();
  if (slices_) mesh.dp().all_gather(flat, weights_n_, "train.weights");
}

void ShardedAdamw::reset() {
  num_updates_ = 0;
  first_n_.zero_();
  second_n_.zero_();
}

std::vector<std::pair<std::string, at::Tensor>> ShardedAdamw::slices() const {
  return {{"main_weights", main_n_}, {"first_moment", first_n_}, {"second_moment", second_n_}};
}

void ShardedAdamw::resume(parallel::Mesh& mesh, std::int64_t num_updates) {
  num_updates_ = num_updates;
  if (!main_is_weights_) weights_n_.copy_(main_n_);
  gather_weights(mesh);
}

void ShardedAdamw::gather_gradients(parallel::Mesh& mesh, at::Tensor flat_gradients) const {
  if (slices_) mesh.dp().all_gather(flat_gradients, gradients_n_, "train.gathered_gradients");
}

spec::MemoryFigures ShardedAdamw::memory() const {
  spec::MemoryFigures figures;
  figures.of(spec::MemoryOwner::main_weights) = main_is_weights_ ? 0 : bytes_of(main_n_);
  figures.of(spec::MemoryOwner::moments) = bytes_of(first_n_) + bytes_of(second_n_);
  figures.of(spec::MemoryOwner::gradients) = bytes_of(own_gradients_n_);
  return figures;
}

}  // namespace muster::train
