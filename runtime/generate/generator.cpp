// One pass: the scheduler says what, the decoder computes it over the paged cache, the sampler slots.
// T: tokens of the pass; R: its rows that are sampled; D: model width; V: vocabulary (cut over tp).
#include "runtime/generate/generator.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/comm/communicator.h"
#include "runtime/generate/cache.h"
#include "runtime/generate/sampler.h"
#include "runtime/generate/scheduler.h"
#include "runtime/ops/on_host.h"
#include "runtime/parallel/vocabulary.h"

namespace muster::generate {
namespace {

/// Looks into the vector where the device is the CPU; copies otherwise.
at::Tensor tensor_of(const std::vector<std::int64_t>& values, at::Device device) {
  auto* const data = const_cast<std::int64_t*>(values.data());  // only read
  return at::from_blob(data, {std::ssize(values)}, at::kLong).to(device);
}

CacheShape cache_shape(const spec::ModelFacts& facts, const comm::Communicator& tp, const GeneratorOptions& options) {
  return {.num_layers = facts.num_layers,
          .num_pages = options.num_pages,
          .page_tokens = options.page_tokens,
          .num_kv_heads = spec::kv_heads_of(facts, tp.size(), tp.rank()).size(),
          .head_dim = facts.head_dim};
}

}  // namespace

struct Generator::State {
  const model::Decoder& decoder;
  comm::Communicator& tp;
  GeneratorOptions options;
  at::Device device;
  PagedCache cache;
  Sampler sampler;
  GenerateFigures figures;

  void run_pass(const ScheduledBatch& pass, std::int64_t step, std::vector<SampledToken>& drawn);
  bool goes_on(bool has_work) const;
};

/// Computes the pass and slots from its rows. collective: tp.
void Generator::State::run_pass(const ScheduledBatch& pass, std::int64_t step, std::vector<SampledToken>& drawn) {
  base::Stopwatch watch;
  drawn.clear();
  cache.copy(pass.copies);
  CacheAttention attention(cache, pass.batch);
  at::Tensor hidden_RD = decoder.hidden(tensor_of(pass.tokens, device), tensor_of(pass.positions, device), attention);
  if (pass.rows.empty()) {  // chunks of prompts alone, on every rank
    figures.forward_s += watch.lap_s();
    return;
  }
  if (pass.rows.size() < pass.tokens.size()) hidden_RD = hidden_RD.index_select(0, tensor_of(pass.rows, device));
  const at::Tensor logits_RV = parallel::logits_of(hidden_RD, decoder.head().value);
  figures.forward_s += watch.lap_s();
  sampler.draw(tp, logits_RV, pass.slots, step, drawn);
  figures.sample_s += watch.lap_s();
}

/// Whether anybody who shares the experts has work left. collective: ep.
bool Generator::State::goes_on(bool has_work) const {
  if (decoder.ep() == nullptr) return has_work;
  at::Tensor works = at::full({1}, has_work ? 1 : 0, at::TensorOptions().dtype(at::kInt).device(device));
  decoder.ep()->all_reduce(works, comm::Reduce::max, "generate.lockstep");
  return has_work || ops::on_host(works).item<int>() > 0;
}

Generator::Generator(const model::Decoder& decoder, comm::Communicator& tp, const GeneratorOptions& options,
                     at::ScalarType dtype, at::Device device)
    : state_(std::make_unique<State>(
          State{.decoder = decoder,
                .tp = tp,
                .options = options,
                .device = device,
                .cache = PagedCache(cache_shape(decoder.facts(), tp, options), dtype, device),
                .sampler = Sampler(options.sampling, options.seed, decoder.vocabulary(), decoder.facts().vocab_size),
                .figures = {}})) {
  INVARIANT(options.num_pages > 0, "the plan gives the cache at least one page");
}

Generator::~Generator() = default;

std::vector<Sample> Generator::generate(std::span<const Request> requests, std::int64_t step,
                                        std::int64_t weight_version, const OnSample& on_sample,
                                        const OnProgress& on_progress) {
  const c10::InferenceMode inference;
  const GeneratorOptions& options = state_->options;
  state_->figures = {};
  base::Stopwatch watch;
  PagePool pool(options.num_pages);
  Scheduler scheduler({.page_tokens = options.page_tokens,
                       .num_pages = options.num_pages,
                       .max_batch_tokens = options.max_batch_tokens,
                       .max_running_samples = options.max_running_samples,
                       .max_sequence_tokens = options.max_sequence_tokens,
                       .max_new_tokens = options.sampling.max_new_tokens,
                       .stop_tokens = options.stop_tokens,
                       .weight_version = weight_version},
                      requests, pool);
  const auto finished = [&](const Sample& sample) {
    if (on_sample) on_sample(sample);
  };
  std::vector<SampledToken> drawn;
  while (state_->goes_on(!scheduler.done())) {
    if (scheduler.done()) {
      state_->decoder.take_part();
      if (on_progress) on_progress();
      continue;
    }
    const ScheduledBatch& pass = scheduler.next();
    state_->figures.schedule_s += watch.lap_s();
    state_->run_pass(pass, step, drawn);
    watch.lap_s();
    scheduler.accept(drawn, finished);
    if (on_progress) on_progress();
  }
  state_->figures.schedule_s += watch.lap_s();
  state_->figures.schedule = scheduler.figures();
  std::vector<Sample> samples = scheduler.take_samples();
  std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) {
    return a.group != b.group ? a.group < b.group : a.index < b.index;
  });
  return samples;
}

void Generator::set_sampling(const spec::SamplingJob& sampling) {
  State& state = *state_;
  state.options.sampling = sampling;
  state.sampler = Sampler(sampling, state.options.seed, state.decoder.vocabulary(), state.decoder.facts().vocab_size);
}

const GenerateFigures& Generator::figures() const { return state_->figures; }

std::vector<at::Tensor> Generator::pages() const {
  std::vector<at::Tensor> pages = state_->cache.keys_PSKE;
  pages.insert(pages.end(), state_->cache.values_PSKE.begin(), state_->cache.values_PSKE.end());
  return pages;
}

std::int64_t Generator::cache_bytes() const { return state_->cache.bytes(); }

}  // namespace muster::generate
