#include "runtime/rehearsal/rehearse.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/comm/rehearsal_communicator.h"
#include "runtime/loop/context.h"
#include "runtime/loop/run.h"
#include "runtime/ops/flops.h"
#include "runtime/ops/memory_tracking.h"
#include "runtime/ops/meta_forms.h"
#include "runtime/ops/on_host.h"
#include "runtime/parallel/expert.h"
#include "runtime/rehearsal/needed_flops.h"
#include "runtime/rehearsal/stand_ins.h"
#include "runtime/spec/supported.h"
#include "runtime/train/adamw.h"

namespace muster::rehearsal {
namespace {

using nlohmann::ordered_json;
using spec::Phase;

constexpr std::int64_t kPromptTokens = 100;  // of a prompt that stands in for those of the job

std::int64_t operations_so_far = 0;

// Operations of ATen that start a kernel on a GPU; views, sizes and empty tensors do not, and what only calls others is
// counted by what it calls.
bool is_kernel(const char* name) {
  static const std::set<std::string_view> kNone{
      "aten::empty",      "aten::empty_like",     "aten::empty_strided",  "aten::narrow",      "aten::slice",
      "aten::select",     "aten::view",           "aten::reshape",        "aten::as_strided",  "aten::t",
      "aten::transpose",  "aten::permute",        "aten::unsqueeze",      "aten::squeeze",     "aten::expand",
      "aten::expand_as",  "aten::detach",         "aten::alias",          "aten::to",          "aten::_to_copy",
      "aten::contiguous", "aten::zeros",          "aten::zeros_like",     "aten::full",        "aten::ones",
      "aten::flatten",    "aten::unbind",         "aten::resolve_conj",   "aten::resolve_neg", "aten::lift_fresh",
      "aten::item",       "aten::result_type",    "aten::is_nonzero",     "aten::stack",       "aten::clone",
      "aten::tensor",     "aten::requires_grad_", "aten::_reshape_alias", "aten::_unsafe_view"};
  const std::string_view word(name);
  return word.starts_with("aten::") && !kNone.contains(word);
}

std::unique_ptr<at::ObserverContext> count_operation(const at::RecordFunction& function) {
  operations_so_far += is_kernel(function.name()) ? 1 : 0;
  return nullptr;
}

// Counts while it lives.
class OperationCount {
 public:
  OperationCount()
      : handle_(
            at::addGlobalCallback(at::RecordFunctionCallback(&count_operation).scopes({at::RecordScope::FUNCTION}))) {}
  ~OperationCount() { at::removeCallback(handle_); }

 private:
  at::CallbackHandle handle_;
};

struct Counters {
  double flops = ops::counted_flops();
  std::int64_t operations = operations_so_far, host_waits = ops::num_host_waits();
};

// How the ranks of the plan would split the world into roles and the roles into axes.
comm::SplitRule rule_of(const spec::Plan& plan) {
  return [&plan](const std::string& parent, const std::string& name, int rank) -> std::pair<int, int> {
    const bool trains = name.starts_with("train");
    if (parent == "world") {
      const spec::RankPlan& self = plan.ranks[rank];
      const auto& place = trains ? self.train_rank : self.gen_rank;
      return {place ? 1 : 0, static_cast<int>(place.value_or(0))};
    }
    const spec::Degrees& degrees = trains ? plan.train : plan.generate;
    for (const spec::Axis axis : spec::kAxes)
      if (name == base::text(parent, ".", spec::axis_name(axis)))
        return {static_cast<int>(spec::group_index(degrees, axis, rank)),
                static_cast<int>(spec::place_of(degrees, rank).on(axis))};
    return {-1, 0};
  };
}

// The job's own prompts where they can be read here and now, without an index.
bool has_prompts(const spec::Job& job) {
  if (job.model.path.empty() || !base::is_there(std::filesystem::path(job.model.path) / "tokenizer.json")) return false;
  const std::vector<spec::DataSource> sources = spec::data_sources(job.data);
  return std::all_of(sources.begin(), sources.end(), [](const spec::DataSource& source) {
    return source.path.starts_with("builtin:") || (source.path.ends_with(".jsonl") && base::is_there(source.path));
  });
}

// One step without records and other programs.
void make_rehearsable(spec::Plan& plan, const std::string& lengths) {
  spec::Job& job = plan.job;
  job.grpo.steps = 1;
  job.sampling.lengths = lengths;
  job.sampling.stop.clear();
  job.reward = {.kind = "random"};
  if (!has_prompts(job)) {
    const std::int64_t tokens = std::min<std::int64_t>(kPromptTokens, job.grpo.max_sequence_tokens / 2);
    job.model.path.clear();  // no tokenizer either: each byte is a token
    job.data = {.path = "builtin:letters", .prompt = std::string(static_cast<std::size_t>(tokens), 'x')};
  }
  job.warmup.sft_steps = 0;
  job.validate = {};
  job.selftest = {};
  job.checkpoint.every = 0;
  job.checkpoint.final_model = false;
  job.refit.verify = spec::Switch::off;
  job.log.tensor_norms = false;
}

ordered_json json_of(const spec::MemoryFigures& figures) {
  ordered_json object = ordered_json::object();
  for (const spec::MemoryOwner owner : spec::kMemoryOwners)
    if (figures.of(owner) > 0) object[spec::memory_owner_name(owner)] = figures.of(owner);
  return object;
}

ordered_json json_of(const Rehearsal& rehearsal) {
  ordered_json phases = ordered_json::array();
  for (const PhaseRehearsed& phase : rehearsal.phases) {
    ordered_json calls = ordered_json::array();
    for (const comm::CallCount& call : phase.calls)
      calls.push_back({{"communicator", call.communicator},
                       {"kind", comm::call_kind_name(call.kind)},
                       {"label", call.label},
                       {"count", call.count},
                       {"bytes", call.bytes}});
    phases.push_back({{"phase", spec::phase_name(phase.phase)},
                      {"peak_bytes", phase.peak.total()},
                      {"owners", json_of(phase.peak)},
                      {"flops", phase.flops},
                      {"needed_flops", phase.needed_flops},
                      {"chosen_flops", phase.chosen_flops},
                      {"operations", phase.operations},
                      {"host_waits", phase.host_waits},
                      {"calls", calls}});
  }
  return {{"rank", rehearsal.rank},
          {"samples", rehearsal.samples},
          {"prompt_tokens", rehearsal.prompt_tokens},
          {"answer_tokens", rehearsal.answer_tokens},
          {"load_peak_bytes", rehearsal.load_peak.total()},
          {"load_owners", json_of(rehearsal.load_peak)},
          {"phases", phases},
          {"seconds", rehearsal.seconds}};
}

}  // namespace

Rehearsal rehearse(spec::Plan plan, std::int64_t rank, const std::string& lengths, double expert_skew) {
  if (rank < 0 || rank >= std::ssize(plan.ranks))
    throw Error::user({.what = base::text("rank ", rank, " is not in the plan, which has ", plan.ranks.size())});
  const base::Stopwatch watch;
  make_rehearsable(plan, lengths);
  spec::check_supported(plan, "the plan");
  static const bool prepared = [] {
    ops::track_memory(ops::TrackedDevice::meta);
    ops::add_meta_kernels();
    train::add_meta_kernels();
    return true;
  }();
  INVARIANT(prepared, "forms are added once");
  parallel::set_rehearsed_skew(expert_skew);

  Rehearsal rehearsal{.rank = rank};
  for (const Phase phase : {Phase::generate, Phase::logprob, Phase::train, Phase::refit})
    rehearsal.phases.push_back({.phase = phase});
  const auto found = [&](Phase phase) -> PhaseRehearsed* {
    for (PhaseRehearsed& one : rehearsal.phases)
      if (one.phase == phase) return &one;
    return nullptr;
  };

  loop::RankContext context;
  comm::CallLog calls;
  Counters before;
  loop::PhaseClock clock(nullptr);
  clock.watch_memory(ops::TrackedDevice::meta);
  clock.on_leave([&](Phase phase) {
    const Counters now;
    std::vector<comm::CallCount> made = calls.take();
    if (PhaseRehearsed* one = found(phase)) {
      one->flops += now.flops - before.flops;
      one->operations += now.operations - before.operations;
      one->host_waits += now.host_waits - before.host_waits;
      one->calls.insert(one->calls.end(), made.begin(), made.end());
    }
    before = now;
  });
  context.plan = std::move(plan);
  context.self = context.plan.ranks[rank];
  context.device = at::Device(at::kMeta);
  context.clock = &clock;
  const auto lengths_of_answers = spec::AnswerLengths::parse(context.job().sampling.lengths, "sampling.lengths");
  context.stand_in = [&](const loop::Rollout& asked, std::int64_t draw, std::int64_t weight_version,
                         const generate::SchedulerFigures& generated) {
    loop::Rollout rollout = asked;
    rollout.samples = samples_of_all(context.job(), lengths_of_answers, asked, draw, weight_version);
    const NeededFlops needed = needed_flops(context.plan, context.self, rollout, generated);
    found(Phase::generate)->needed_flops = needed.generate;
    found(Phase::generate)->chosen_flops = needed.chosen_generate;
    found(Phase::logprob)->needed_flops = needed.logprob;
    found(Phase::train)->needed_flops = needed.train;
    found(Phase::train)->chosen_flops = needed.chosen_train;
    for (const loop::GradedSample& one : rollout.samples) {
      rehearsal.samples += 1;
      rehearsal.answer_tokens += std::ssize(one.sample.tokens);
      rehearsal.prompt_tokens += std::ssize(rollout.prompts[one.sample.group].tokens);
    }
    return rollout.samples;
  };
  const auto world_size = static_cast<int>(context.plan.ranks.size());
  const auto make_world = [&](const char* name) {
    auto world = comm::make_rehearsal(name, static_cast<int>(rank), world_size, rule_of(context.plan));
    world->set_observers({&clock, &context.calls, &calls});
    return world;
  };
  context.world = make_world("world");
  context.host_group = make_world("host");
  loop::make_meshes(context);

  ops::begin_peak(ops::TrackedDevice::meta);
  before = Counters();
  {
    const OperationCount counting;
    loop::run(context);
  }
  rehearsal.load_peak = clock.peak(Phase::load);
  for (PhaseRehearsed& phase : rehearsal.phases) phase.peak = clock.peak(phase.phase);
  rehearsal.seconds = watch.elapsed_s();
  return rehearsal;
}

int rehearse_verb(const std::vector<std::string>& words) {
  if (words.size() != 9 || words[1] != "--plan" || words[3] != "--rank" || words[5] != "--lengths" ||
      words[7] != "--experts")
    throw Error::user({.what = "muster-rank rehearse --plan FILE --rank R --lengths RULE --experts SKEW"});
  const Rehearsal rehearsal = rehearse(spec::read_plan(words[2]), std::stoll(words[4]), words[6], std::stod(words[8]));
  std::printf("%s\n", base::json_text(json_of(rehearsal)).c_str());
  return 0;
}

}  // namespace muster::rehearsal
