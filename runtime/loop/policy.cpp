#include "runtime/loop/policy.h"

#include <ATen/ATen.h>

#include "runtime/base/error.h"
#include "runtime/loop/from_folder.h"
#include "runtime/model/save_folder.h"
#include "runtime/ops/memory_tracking.h"
#include "runtime/train/logprobs.h"
#include "runtime/train/sharded_weights.h"
#include "runtime/weights/model_folder.h"

namespace muster::loop {

refit::RefitLayouts layouts_of(const spec::Plan& plan) {
  refit::RefitLayouts layouts{.train = plan.train, .generate = plan.generate};
  layouts.train_ranks.resize(static_cast<std::size_t>(plan.train.ranks()));
  layouts.gen_ranks.resize(static_cast<std::size_t>(plan.generate.ranks()));
  for (const spec::RankPlan& rank : plan.ranks) {
    if (rank.train_rank) layouts.train_ranks[*rank.train_rank] = rank.rank;
    if (rank.gen_rank) layouts.gen_ranks[*rank.gen_rank] = rank.rank;
  }
  return layouts;
}

namespace {

bool may_alias(const RankContext& context) {
  const spec::Job& job = context.job();
  return spec::generator_may_alias(context.plan.model, job) &&
         refit::Refit::can_alias(context.plan.model, layouts_of(context.plan), weights::scalar_type_of(job.model.dtype),
                                 weights::scalar_type_of(job.gen.dtype));
}

spec::OffloadLevel moves_of(const RankContext& context) {
  for (const spec::RankMemory& rank : spec::memory_of(context.plan))
    if (rank.trains == context.self.train_rank.has_value() && rank.generates == context.self.gen_rank.has_value())
      return rank.moves;
  return spec::OffloadLevel::none;
}

}  // namespace

Policy::Policy(RankContext& context, std::vector<std::int32_t> stop_tokens)
    : context_(context), gen_aliases_(may_alias(context)), offloader_(moves_of(context), gen_aliases_) {
  const spec::Plan& plan = context.plan;
  const spec::Job& job = plan.job;
  const at::ScalarType train_dtype = weights::scalar_type_of(job.model.dtype);
  const at::ScalarType gen_dtype = weights::scalar_type_of(job.gen.dtype);
  const refit::RefitLayouts layouts = layouts_of(plan);

  if (context.train) {
    const ops::Owner owner(spec::MemoryOwner::weights);
    weights_ = std::make_unique<weights::ShardStore>(
        weights::shards_of(plan.model, plan.train, context.train->coordinates()), train_dtype, context.device,
        spec::replica_multiple(plan.model, plan.train));
    fill_weights();
    trainer_ = std::make_unique<train::Trainer>(plan.model, job, *context.train, *weights_);
    offloader_.add(spec::MemoryOwner::weights, weights_->flat());
    for (const auto& [owner, buffer] : trainer_->buffers()) offloader_.add(owner, buffer);
    offloader_.enter(spec::Phase::load);
  }
  if (context.generate) {
    const ops::Owner owner(spec::MemoryOwner::gen_weights);
    if (gen_aliases_)
      gen_weights_ = std::make_unique<weights::ShardStore>(weights_->shards(), weights_->flat());
    else
      gen_weights_ = std::make_unique<weights::ShardStore>(
          weights::shards_of(plan.model, plan.generate, context.generate->coordinates()), gen_dtype, context.device);
    gen_decoder_ = std::make_unique<model::Decoder>(plan.model, *gen_weights_, nullptr, context.generate->tp(),
                                                    job.grpo.max_sequence_tokens, parallel::Tokens::all,
                                                    parallel::expert_layout(*context.generate, job.moe));
    const generate::GeneratorOptions options{
        .sampling = job.sampling,
        .seed = job.seed,
        .max_sequence_tokens = job.grpo.max_sequence_tokens,
        .page_tokens = job.gen.page_tokens,
        .num_pages = plan.kv_pages > 0 ? plan.kv_pages : spec::planned_kv_pages(plan.model, job),
        .max_batch_tokens = job.gen.max_batch_tokens,
        .max_running_samples = job.gen.max_running_samples,
        .stop_tokens = std::move(stop_tokens)};
    generator_ = std::make_unique<generate::Generator>(*gen_decoder_, context.generate->tp(), context.generate->pp(),
                                                       options, gen_dtype, context.device);
    if (!gen_aliases_) offloader_.add(spec::MemoryOwner::gen_weights, gen_weights_->flat());
    for (const at::Tensor& pages : generator_->pages()) offloader_.add(spec::MemoryOwner::kv_pages, pages);
    offloader_.enter(spec::Phase::load);
  }
  const bool verify =
      job.refit.verify == spec::Switch::on || (job.refit.verify == spec::Switch::automatic && plan.device == "cpu");
  if (!gen_aliases_)
    refit_ = std::make_unique<refit::Refit>(plan.model, layouts, *context.world, weights_.get(), gen_weights_.get(),
                                            gen_dtype, job.refit.bucket_mb << 20, verify);
}

Policy::~Policy() = default;

void Policy::fill_weights() {
  const spec::Job& job = context_.job();
  if (context_.rehearses()) return;  // they have no values
  if (job.model.weights == "random")
    weights::fill_random(*weights_, job.seed, job.model.initial_std);
  else
    load_model(context_, *context_.train, *weights_);
}

void Policy::enter(spec::Phase phase) {
  context_.clock->enter(phase);
  switch (phase) {
    case spec::Phase::generate:
    case spec::Phase::validate:
      return make_resident(spec::Phase::generate);
    case spec::Phase::logprob:
    case spec::Phase::train:
      return make_resident(phase);
    default:
      return;
  }
}

void Policy::make_resident(spec::Phase phase) {
  if (trainer_) trainer_->wait_for_weights();
  // Between two phases it never holds more than in one of them: what counts as this one's begins here.
  if (offloader_.enter(phase)) context_.clock->restart_peak();
}

refit::RefitFigures Policy::refit() {
  ++weight_version_;
  make_resident(spec::Phase::refit);
  const ops::Owner owner(spec::MemoryOwner::refit_buffers);
  return refit_ ? refit_->run() : refit::RefitFigures{};
}

void Policy::freeze_reference() {
  if (!trains()) return;
  make_resident(spec::Phase::load);
  const ops::Owner owner(spec::MemoryOwner::reference_weights);
  reference_weights_ = std::make_unique<weights::ShardStore>(weights_->shards(), weights_->flat().clone());
  reference_decoder_ = std::make_unique<model::Decoder>(
      context_.plan.model,
      train::make_weight_source(context_.plan.model, *context_.train, *reference_weights_, nullptr),
      context_.train->tp(), context_.job().grpo.max_sequence_tokens, train::stream_tokens(context_.job()),
      parallel::expert_layout(*context_.train, context_.job().moe));
  offloader_.add(spec::MemoryOwner::reference_weights, reference_weights_->flat());
}

std::vector<std::pair<std::string, at::Tensor>> Policy::slices() {
  if (!trains()) return {};
  make_resident(spec::Phase::checkpoint);
  auto slices = trainer_->slices();
  // Without a supervised start the reference is the model of the job, which is read again.
  if (reference_weights_ && context_.job().warmup.sft_steps > 0)
    slices.emplace_back("reference", reference_weights_->flat());
  return slices;
}

void Policy::resume(std::int64_t num_updates, std::int64_t weight_version) {
  if (trains()) trainer_->resume(num_updates);
  weight_version_ = weight_version - 1;
}

train::SequenceLogprobs Policy::reference_scores(std::span<const train::Sequence> sequences) {
  INVARIANT(reference_decoder_ != nullptr, "the reference is frozen before it is asked");
  return train::sequence_logprobs(*context_.train, *reference_decoder_, sequences,
                                  train::logprob_options(context_.job(), context_.train->coordinates().cp),
                                  [this] { context_.clock->progress(); });
}

void Policy::save(const std::filesystem::path& folder) {
  if (!context_.train) return;
  make_resident(spec::Phase::refit);
  model::save_model_folder(context_.train->role(), context_.train->degrees(), *weights_, context_.plan.model,
                           context_.job().model.path, folder, context_.job().model.dtype);
}

spec::MemoryFigures Policy::memory() const {
  const auto bytes = [](const weights::ShardStore& store) { return static_cast<std::int64_t>(store.flat().nbytes()); };
  spec::MemoryFigures figures = trainer_ ? trainer_->memory() : spec::MemoryFigures{};
  if (weights_) figures.of(spec::MemoryOwner::weights) = bytes(*weights_);
  if (gen_weights_ && !gen_aliases_) figures.of(spec::MemoryOwner::gen_weights) = bytes(*gen_weights_);
  if (reference_weights_) figures.of(spec::MemoryOwner::reference_weights) = bytes(*reference_weights_);
  if (generator_) figures.of(spec::MemoryOwner::kv_pages) = generator_->cache_bytes();
  return figures;
}

}  // namespace muster::loop
