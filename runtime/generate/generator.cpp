// One tick: the rotation says what, the decoder computes it over the paged cache, the sampler slots, the stages hand
// on. T: tokens of the pass; R: its rows that are sampled; N: draws; D: model width; V: vocabulary (cut over tp).
#include "runtime/generate/generator.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <bit>
#include <deque>
#include <initializer_list>
#include <utility>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/comm/communicator.h"
#include "runtime/generate/cache.h"
#include "runtime/generate/rotation.h"
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

CacheShape cache_shape(const spec::ModelFacts& facts, const comm::Communicator& tp, const comm::Communicator& pp,
                       const GeneratorOptions& options) {
  const spec::Range layers = spec::layers_of({.pp = pp.size()}, facts.num_layers, pp.rank());
  if (facts.kv_lora_rank > 0)
    return {.first_layer = layers.begin,
            .num_layers = layers.size(),
            .num_pages = options.num_pages,
            .page_tokens = options.page_tokens,
            .num_kv_heads = 1,
            .head_dim = facts.kv_lora_rank + facts.qk_rope_head_dim,
            .has_values = false};
  return {.first_layer = layers.begin,
          .num_layers = layers.size(),
          .num_pages = options.num_pages,
          .page_tokens = options.page_tokens,
          .num_kv_heads = spec::kv_heads_of(facts, tp.size(), tp.rank()).size(),
          .head_dim = facts.head_dim};
}

/// Drawn tokens as they travel, [N, 3]: the token and the bits of its two log-probabilities.
at::Tensor packed_draws(const std::vector<SampledToken>& drawn, at::Device device) {
  at::Tensor packed_N3 = at::empty({std::ssize(drawn), 3}, at::kInt);
  auto* words = packed_N3.mutable_data_ptr<std::int32_t>();
  for (const SampledToken& one : drawn) {
    *words++ = one.token;
    *words++ = std::bit_cast<std::int32_t>(one.logprob);
    *words++ = std::bit_cast<std::int32_t>(one.raw_logprob);
  }
  return packed_N3.to(device);
}

void unpack_draws(const at::Tensor& packed_N3, std::vector<SampledToken>& drawn) {
  const at::Tensor on_host = ops::on_host(packed_N3);
  const auto* words = on_host.const_data_ptr<std::int32_t>();
  drawn.clear();
  for (std::int64_t i = 0; i < on_host.size(0); ++i, words += 3)
    drawn.push_back({words[0], std::bit_cast<float>(words[1]), std::bit_cast<float>(words[2])});
}

}  // namespace

struct Generator::State {
  const model::Decoder& decoder;
  comm::Communicator &tp, &pp;
  GeneratorOptions options;
  at::Device device;
  PagedCache cache;
  Sampler sampler;
  GenerateFigures figures;
  at::Tensor arrived_TD;  // the stream of the pass that is computed next, from the stage before

  std::unique_ptr<Rotation> lasting = {};                  // of the steps that were added
  std::deque<std::vector<Request>> lasting_requests = {};  // which it borrows

  void tick(Rotation& rotation, bool may_enter, const OnSample& on_sample, const OnProgress& on_progress);
  bool run_agreed(bool& has_work, bool is_called) const;
  SchedulerOptions schedule(std::int64_t step, std::int64_t weight_version) const;
  at::Tensor run_pass(const Rotation& rotation, std::vector<SampledToken>& drawn);
  void exchange(const Rotation& rotation, const at::Tensor& stream_TD, std::vector<SampledToken>& drawn);
  bool goes_on(bool has_work) const;
};

/// Computes the pass of this stage; the last stage slots from its rows, the others answer the stream for the next.
/// collective: tp, ep.
at::Tensor Generator::State::run_pass(const Rotation& rotation, std::vector<SampledToken>& drawn) {
  const ScheduledBatch* const scheduled = rotation.pass_at(pp.rank());
  if (scheduled == nullptr) {
    if (decoder.ep() != nullptr) decoder.take_part();
    return {};
  }
  const ScheduledBatch& pass = *scheduled;
  base::Stopwatch watch;
  PagedCache pages = cache.part(rotation.pages_at(pp.rank()));
  pages.copy(pass.copies);
  CacheAttention attention(pages, pass.batch);
  const at::Tensor input = pp.rank() == 0 ? tensor_of(pass.tokens, device) : std::exchange(arrived_TD, at::Tensor());
  at::Tensor output_TD = decoder.run(0, input, tensor_of(pass.positions, device), attention, spec::Recompute::none);
  if (pp.rank() < pp.size() - 1 || pass.rows.empty()) {  // no rows: chunks of prompts alone
    figures.forward_s += watch.lap_s();
    return output_TD;
  }
  if (pass.rows.size() < pass.tokens.size()) output_TD = output_TD.index_select(0, tensor_of(pass.rows, device));
  const at::Tensor logits_RV = parallel::logits_of(output_TD, decoder.head().value);
  figures.forward_s += watch.lap_s();
  sampler.draw(tp, logits_RV, pass.slots, drawn);
  figures.sample_s += watch.lap_s();
  return {};
}

/// What the stages made in a tick goes where it is needed: streams to the next stage, drawn tokens to all. Bytes a
/// pass of T tokens and N draws: T x D elements a stage but the last, which sends 12 N to each other. collective: pp.
void Generator::State::exchange(const Rotation& rotation, const at::Tensor& stream_TD,
                                std::vector<SampledToken>& drawn) {
  const int own = pp.rank(), last = pp.size() - 1;
  const ScheduledBatch* const leaves = rotation.pass_at(last);
  const std::size_t num_draws = leaves == nullptr ? 0 : leaves->slots.size();
  bool any = num_draws > 0;  // the same on every stage
  for (int stage = 0; stage < last; ++stage) any = any || rotation.pass_at(stage) != nullptr;
  if (last == 0 || !any) return;
  base::Stopwatch watch;
  std::vector<comm::P2POp> p2p_ops;
  if (own < last && rotation.pass_at(own) != nullptr)
    p2p_ops.push_back({.peer = own + 1, .is_send = true, .tensor = &stream_TD});
  if (own > 0 && rotation.pass_at(own - 1) != nullptr) {
    const auto num_tokens = std::ssize(rotation.pass_at(own - 1)->tokens);
    arrived_TD =
        at::empty({num_tokens, decoder.facts().hidden_size}, at::TensorOptions().dtype(decoder.dtype()).device(device));
    p2p_ops.push_back({.peer = own - 1, .is_send = false, .tensor = &arrived_TD});
  }
  at::Tensor draws_N3;
  if (num_draws > 0) {
    draws_N3 = own == last ? packed_draws(drawn, device)
                           : at::empty({static_cast<std::int64_t>(num_draws), 3},
                                       at::TensorOptions().dtype(at::kInt).device(device));
    for (int stage = 0; own == last && stage < last; ++stage)
      p2p_ops.push_back({.peer = stage, .is_send = true, .tensor = &draws_N3});
    if (own < last) p2p_ops.push_back({.peer = last, .is_send = false, .tensor = &draws_N3});
  }
  pp.exchange(p2p_ops, "generate.stages");
  if (num_draws > 0 && own < last) unpack_draws(draws_N3, drawn);
  figures.forward_s += watch.lap_s();
}

SchedulerOptions Generator::State::schedule(std::int64_t step, std::int64_t weight_version) const {
  return {.page_tokens = options.page_tokens,
          .num_pages = options.num_pages,
          .max_batch_tokens = options.max_batch_tokens,
          .max_running_samples = options.max_running_samples,
          .max_sequence_tokens = options.max_sequence_tokens,
          .max_new_tokens = options.sampling.max_new_tokens,
          .stop_tokens = options.stop_tokens,
          .weight_version = weight_version,
          .step = step};
}

/// Every pass moves on by one stage, and one enters. collective: tp, pp, ep.
void Generator::State::tick(Rotation& rotation, bool may_enter, const OnSample& on_sample,
                            const OnProgress& on_progress) {
  base::Stopwatch watch;
  rotation.begin_tick(may_enter);
  figures.schedule_s += watch.lap_s();
  std::vector<SampledToken> drawn;
  const at::Tensor stream_TD = run_pass(rotation, drawn);
  exchange(rotation, stream_TD, drawn);
  watch.lap_s();
  rotation.end_tick(drawn, [&](const Sample& sample) {
    if (on_sample) on_sample(sample);
  });
  if (on_progress) on_progress();
  figures.schedule_s += watch.lap_s();
}

/// Whether one of the ranks that pass together is called; `has_work`: becomes whether one of them has work left.
/// collective: tp, pp, ep.
bool Generator::State::run_agreed(bool& has_work, bool is_called) const {
  const std::array<comm::Communicator*, 3> groups{&tp, &pp, decoder.ep()};
  const auto has_others = [](const comm::Communicator* group) { return group != nullptr && group->size() > 1; };
  if (std::none_of(groups.begin(), groups.end(), has_others)) return is_called;
  const std::initializer_list<int> own{has_work ? 1 : 0, is_called ? 1 : 0};
  at::Tensor flags = at::tensor(own, at::TensorOptions().dtype(at::kInt).device(device));
  for (comm::Communicator* const group : groups)
    if (has_others(group)) group->all_reduce(flags, comm::Reduce::max, "generate.called");
  flags = ops::on_host(flags);
  has_work = flags[0].item<int>() > 0;
  return flags[1].item<int>() > 0;
}

/// Whether anybody who shares the experts has work left. collective: ep.
bool Generator::State::goes_on(bool has_work) const {
  if (decoder.ep() == nullptr) return has_work;
  at::Tensor works = at::full({1}, has_work ? 1 : 0, at::TensorOptions().dtype(at::kInt).device(device));
  decoder.ep()->all_reduce(works, comm::Reduce::max, "generate.lockstep");
  return has_work || ops::on_host(works).item<int>() > 0;
}

Generator::Generator(const model::Decoder& decoder, comm::Communicator& tp, comm::Communicator& pp,
                     const GeneratorOptions& options, at::ScalarType dtype, at::Device device)
    : state_(std::make_unique<State>(
          State{.decoder = decoder,
                .tp = tp,
                .pp = pp,
                .options = options,
                .device = device,
                .cache = PagedCache(cache_shape(decoder.facts(), tp, pp, options), dtype, device),
                .sampler = Sampler(options.sampling, options.seed, decoder.vocabulary(), decoder.facts().vocab_size),
                .figures = {},
                .arrived_TD = {}})) {
  INVARIANT(options.num_pages > 0, "the plan gives the cache at least one page");
  INVARIANT(decoder.num_chunks() == 1 && decoder.begins_model(0) == (pp.rank() == 0) &&
                decoder.ends_model(0) == (pp.rank() == pp.size() - 1),
            "the decoder has the layers of its stage");
}

Generator::~Generator() = default;

std::vector<Sample> Generator::generate(std::span<const Request> requests, std::int64_t step,
                                        std::int64_t weight_version, const OnSample& on_sample,
                                        const OnProgress& on_progress) {
  const c10::InferenceMode inference;
  state_->figures = {};
  if (state_->lasting) state_->lasting->drop_pages();
  base::Stopwatch watch;
  Rotation rotation(state_->schedule(step, weight_version), requests, state_->pp.size());
  state_->figures.schedule_s += watch.lap_s();
  while (state_->goes_on(!rotation.done())) state_->tick(rotation, true, on_sample, on_progress);
  state_->figures.schedule = rotation.figures();
  return rotation.take_samples();
}

void Generator::add(std::vector<Request> requests, std::int64_t step) {
  State& state = *state_;
  if (!state.lasting) state.lasting = std::make_unique<Rotation>(state.schedule(step, 0), state.pp.size());
  state.lasting_requests.push_back(std::move(requests));
  state.lasting->add(state.lasting_requests.back(), step);
}

void Generator::run_until(const IsCalled& is_called, const OnSample& on_sample, const OnProgress& on_progress) {
  const c10::InferenceMode inference;
  State& state = *state_;
  INVARIANT(state.lasting != nullptr, "steps are added before they run");
  Rotation& rotation = *state.lasting;
  const bool leads = state.tp.rank() == 0 && state.pp.rank() == 0;
  while (true) {
    bool has_work = !rotation.done(), called = false;
    if (is_called)
      called = state.run_agreed(has_work, leads && is_called());
    else
      has_work = state.goes_on(has_work);
    if (!has_work || called) break;
    state.tick(rotation, true, on_sample, on_progress);
  }
  while (state.goes_on(rotation.is_under_way())) state.tick(rotation, false, on_sample, on_progress);
  state.figures.schedule = rotation.figures();
}

bool Generator::has_ended(std::int64_t step) const { return state_->lasting->done(step); }

std::vector<Sample> Generator::take(std::int64_t step) {
  std::vector<Sample> samples = state_->lasting->take_oldest(step);
  state_->lasting_requests.pop_front();
  return samples;
}

void Generator::set_weight_version(std::int64_t version, bool recompute_kv) {
  if (!state_->lasting) return;
  state_->lasting->set_weight_version(version);
  if (recompute_kv) state_->lasting->drop_pages();
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
