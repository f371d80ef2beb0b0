#include "runtime/train/trainer.h"

#include <ATen/ATen.h>

#include <cmath>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/ops/memory_tracking.h"
#include "runtime/ops/on_host.h"
#include "runtime/train/buckets.h"
#include "runtime/train/hooked_weights.h"
#include "runtime/train/sharded_adamw.h"
#include "runtime/train/sharded_weights.h"
#include "runtime/train/shared_gradients.h"

namespace muster::train {

struct Trainer::State {
  State(const spec::ModelFacts& facts, const spec::Job& job, parallel::Mesh& mesh, weights::ShardStore& weights)
      : mesh(mesh),
        max_grad_norm(job.optimizer.max_grad_norm),
        overlaps_sums(job.train.overlap_grad_reduce && mesh.degrees().fsdp == 0),
        overlaps_weights(job.train.overlap_param_gather),
        scoring(logprob_options(job, mesh.coordinates().cp)),
        updating(update_logprob_options(job, mesh.coordinates().cp)),
        gradients(make_gradients(job, weights)),
        optimizer(job.optimizer, facts, mesh, weights, job.train.bucket_params, job.moe.freeze_router),
        buckets(buckets_of_units(facts, weights, optimizer.buckets())),
        order(buckets, held_buckets(facts)),
        decoder(facts, weight_source(facts, weights), mesh.tp(), job.grpo.max_sequence_tokens, stream_tokens(job),
                parallel::expert_layout(mesh, job.moe)) {}

  static weights::ShardStore make_gradients(const spec::Job& job, const weights::ShardStore& weights) {
    const ops::Owner owner(spec::MemoryOwner::gradients);
    return {weights.shards(), at::zeros_like(weights.flat(), weights::scalar_type_of(job.train.grad_dtype))};
  }

  /// The gradient of a tied embedding is put together after the backward.
  std::vector<bool> held_buckets(const spec::ModelFacts& facts) const {
    std::vector<bool> held(optimizer.buckets().size(), false);
    if (facts.tied_embeddings && mesh.pp().size() > 1)
      for (const model::Unit unit : {model::Unit{0}, facts.num_layers + 1})
        for (const std::size_t bucket : buckets[unit]) held[bucket] = true;
    return held;
  }

  std::unique_ptr<model::WeightSource> weight_source(const spec::ModelFacts& facts, weights::ShardStore& weights) {
    if (mesh.degrees().fsdp == 1 || !(overlaps_sums || overlaps_weights))
      return make_weight_source(facts, mesh, weights, &gradients);
    const auto before_use = [this](model::Unit unit) {
      for (const std::size_t bucket : buckets[unit]) optimizer.wait_for(bucket);
    };
    const auto after_backward = [this](model::Unit unit) {
      if (!overlaps_sums) return;
      const std::vector<std::size_t> ready = order.leave(unit);
      if (order.has_left(unit)) sum_shared(unit);
      reduce(ready, true);
    };
    return std::make_unique<HookedWeights>(facts, weights, &gradients, before_use, after_backward);
  }

  /// Of a unit that the last micro batch has left. collective: tp.
  void sum_shared(model::Unit unit) {
    const spec::ModelFacts& facts = decoder.facts();
    sum_shared_gradients(mesh.tp(), decoder.tokens(), facts, gradients, false, [&](const spec::Parameter& parameter) {
      return model::units_of(facts, parameter).front() == unit;
    });
  }

  void reduce(const std::vector<std::size_t>& ready, bool overlaps) {
    for (const std::size_t bucket : ready) optimizer.reduce(mesh, bucket, overlaps);
  }

  parallel::Mesh& mesh;
  double max_grad_norm;
  bool overlaps_sums, overlaps_weights;
  LogprobOptions scoring, updating;
  weights::ShardStore gradients;
  ShardedAdamw optimizer;
  std::vector<std::vector<std::size_t>> buckets;  // by unit
  BackwardOrder order;
  model::Decoder decoder;
};

Trainer::Trainer(const spec::ModelFacts& facts, const spec::Job& job, parallel::Mesh& mesh,
                 weights::ShardStore& weights)
    : state_(std::make_unique<State>(facts, job, mesh, weights)) {}
Trainer::~Trainer() = default;

SequenceLogprobs Trainer::logprobs(std::span<const Sequence> sequences, const std::function<void()>& on_progress) {
  return sequence_logprobs(state_->mesh, state_->decoder, sequences, state_->scoring, on_progress);
}

UpdateFigures Trainer::update(std::span<const Sequence> sequences, const Loss& loss, double lr,
                              const std::function<void()>& on_progress) {
  State& state = *state_;
  const LogprobOptions& options = state.updating;
  at::Tensor flat_gradients = state.gradients.flat();
  flat_gradients.zero_();
  std::vector<PackedBatch> batches = pack(sequences, options.packing, flat_gradients.device());
  add_idle_batches(state.mesh, batches, options, flat_gradients.device());
  state.order.begin(std::ssize(batches));
  state.optimizer.begin_reduction(flat_gradients);
  const at::Tensor loss_sum =
      run_forward_backward(state.mesh, state.decoder, std::move(batches), options, loss, on_progress);
  const spec::Degrees& degrees = state.mesh.degrees();
  if (!state.overlaps_sums)
    sum_shared_gradients(state.mesh.tp(), state.decoder.tokens(), state.decoder.facts(), state.gradients,
                         degrees.fsdp == 1 && degrees.etp < degrees.tp);
  sum_tied_gradients(state.mesh.pp(), state.decoder.facts(), state.gradients);
  state.reduce(state.order.finish(), false);
  state.optimizer.finish_reduction();

  // All ranks of a tp group have the same loss, those of cp parts of it, the stages before the last have none: the
  // first of a tp group tells it.
  if (state.mesh.coordinates().tp > 0) loss_sum.zero_();
  at::Tensor totals = at::stack({loss_sum, state.optimizer.counted_square_sum()});
  state.mesh.role().all_reduce(totals, comm::Reduce::sum, "train.totals");
  const at::Tensor told = ops::on_host(totals);
  const UpdateFigures figures{.loss = told.const_data_ptr<double>()[0],
                              .grad_norm = std::sqrt(told.const_data_ptr<double>()[1])};
  if (!std::isfinite(figures.loss) || !std::isfinite(figures.grad_norm)) {
    throw Error::user(
        {.what = base::text("an update went astray: loss ", figures.loss, ", gradient norm ", figures.grad_norm),
         .where = "train",
         .fix = "lower optimizer.lr or optimizer.max_grad_norm, or look for weights that are not numbers in the model "
                "folder"});
  }
  const bool clips = state.max_grad_norm > 0 && figures.grad_norm > state.max_grad_norm;
  state.optimizer.update(state.mesh, lr, clips ? state.max_grad_norm / figures.grad_norm : 1, state.overlaps_weights);
  return figures;
}

void Trainer::wait_for_weights() { state_->optimizer.wait_for_all(); }

void Trainer::reset_optimizer() { state_->optimizer.reset(); }

std::vector<std::pair<std::string, at::Tensor>> Trainer::slices() const { return state_->optimizer.slices(); }
std::int64_t Trainer::num_updates() const { return state_->optimizer.num_updates(); }
void Trainer::resume(std::int64_t num_updates) { state_->optimizer.resume(state_->mesh, num_updates); }

std::vector<std::pair<spec::MemoryOwner, at::Tensor>> Trainer::buffers() const {
  auto buffers = state_->optimizer.buffers();
  buffers.emplace_back(spec::MemoryOwner::gradients, state_->gradients.flat());
  return buffers;
}

spec::MemoryFigures Trainer::memory() const {
  spec::MemoryFigures figures;
  for (const auto& [owner, buffer] : buffers()) figures.of(owner) += static_cast<std::int64_t>(buffer.nbytes());
  return figures;
}

const weights::ShardStore& Trainer::gradients() {
  state_->optimizer.gather_gradients(state_->mesh, state_->gradients.flat());
  return state_->gradients;
}

}  // namespace muster::train
