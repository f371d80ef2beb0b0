#include "runtime/train/trainer.h"

#include <ATen/ATen.h>

#include <cmath>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/train/sharded_adamw.h"
#include "runtime/train/sharded_weights.h"

namespace muster::train {

struct Trainer::State {
  State(const spec::ModelFacts& facts, const spec::Job& job, parallel::Mesh& mesh, weights::ShardStore& weights)
      : mesh(mesh),
        max_grad_norm(job.optimizer.max_grad_norm),
        options(scoring_options(job)),
        gradients(weights.shards(), at::kFloat, weights.flat().device(), mesh.degrees().dp),
        decoder(facts, make_weight_source(facts, mesh, weights, &gradients), mesh.tp(), job.grpo.max_sequence_tokens),
        optimizer(job.optimizer, facts, mesh, weights) {}

  parallel::Mesh& mesh;
  double max_grad_norm;
  ScoringOptions options;
  weights::ShardStore gradients;
  model::Decoder decoder;
  ShardedAdamw optimizer;
};

Trainer::Trainer(const spec::ModelFacts& facts, const spec::Job& job, parallel::Mesh& mesh,
                 weights::ShardStore& weights)
    : state_(std::make_unique<State>(facts, job, mesh, weights)) {}
Trainer::~Trainer() = default;

SequenceScores Trainer::scores(std::span<const Sequence> sequences, const std::function<void()>& on_progress) {
  return sequence_scores(state_->mesh, state_->decoder, sequences, state_->options, on_progress);
}

UpdateFigures Trainer::update(std::span<const Sequence> sequences, const Loss& loss, double lr,
                              const std::function<void()>& on_progress) {
  State& state = *state_;
  const ScoringOptions& options = state.options;
  at::Tensor flat_gradients = state.gradients.flat();
  flat_gradients.zero_();
  std::vector<PackedBatch> batches =
      pack(sequences, options.max_tokens, options.share_prompt, flat_gradients.device(), options.max_sequences);
  const at::Tensor loss_sum =
      run_forward_backward(state.mesh, state.decoder, std::move(batches), options, loss, on_progress);
  model::sum_shared_gradients(state.mesh.tp(), state.decoder.facts(), state.gradients);
  sum_tied_gradients(state.mesh.pp(), state.decoder.facts(), state.gradients);
  state.optimizer.reduce_gradients(state.mesh, flat_gradients);

  // All ranks of a tp group have the same loss, the stages before the last have none: the first of a group tells it.
  if (state.mesh.place().tp > 0) loss_sum.zero_();
  at::Tensor totals = at::stack({loss_sum, state.optimizer.counted_square_sum()});
  state.mesh.role().all_reduce(totals, comm::Reduce::sum, "train.totals");
  const at::Tensor told = totals.cpu();
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
  state.optimizer.update(state.mesh, lr, clips ? state.max_grad_norm / figures.grad_norm : 1);
  return figures;
}

void Trainer::reset_optimizer() { state_->optimizer.reset(); }

std::vector<std::pair<std::string, at::Tensor>> Trainer::slices() const { return state_->optimizer.slices(); }
std::int64_t Trainer::num_updates() const { return state_->optimizer.num_updates(); }
void Trainer::resume(std::int64_t num_updates) { state_->optimizer.resume(state_->mesh, num_updates); }

spec::MemoryFigures Trainer::memory() const {
  spec::MemoryFigures figures = state_->optimizer.memory();
  figures.of(spec::MemoryOwner::gradients) +=
      state_->gradients.flat().numel() * state_->gradients.flat().element_size();
  return figures;
}

const weights::ShardStore& Trainer::gradients() {
  state_->optimizer.gather_gradients(state_->mesh, state_->gradients.flat());
  return state_->gradients;
}

}  // namespace muster::train
