#include "launcher/plan/memory_fit.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "runtime/base/text.h"
#include "runtime/spec/phase_memory.h"

namespace muster::plan {

using base::text;
using spec::Job;

namespace {

double gigabytes(std::int64_t bytes) { return static_cast<double>(bytes) / 1e9; }

std::string gb_text(std::int64_t bytes) { return base::number_text(gigabytes(bytes), 1) + " GB"; }

std::int64_t limit_of(const spec::Plan& plan) { return static_cast<std::int64_t>(plan.device_memory_gb * 1e9); }

/// Over all roles.
std::int64_t largest_bytes(const spec::Plan& plan) {
  std::int64_t most = 0;
  for (const spec::RankMemory& rank : spec::memory_of(plan)) most = std::max(most, rank.largest().device.total());
  return most;
}

/// One way to need less. `apply` tells what it changed, or "" where it has nothing to change.
using Change = std::function<std::string(Job&)>;

/// Takes `factor` from the replicas of the trainer and gives it to another axis.
Change from_dp(std::int64_t spec::TrainJob::*axis, const char* name, std::int64_t factor) {
  return [=](Job& job) -> std::string {
    if (job.train.dp % factor != 0) return "";
    job.train.dp /= factor;
    job.train.*axis *= factor;
    job.train.first_stage_layers = job.train.last_stage_layers = 0;
    return text(name, " = ", job.train.*axis, " with train.dp = ", job.train.dp);
  };
}

Change gen_tp(std::int64_t factor) {
  return [=](Job& job) -> std::string {
    if (job.gen.dp % factor != 0) return "";
    job.gen.dp /= factor;
    job.gen.tp *= factor;
    return text("gen.tp = ", job.gen.tp, " with gen.dp = ", job.gen.dp);
  };
}

Change more_replicas(std::int64_t factor) {
  return [=](Job& job) -> std::string {
    job.train.dp *= factor;
    const bool is_split = job.placement.mode == spec::PlacementMode::split;
    if (!is_split) job.gen.dp *= factor;
    return text("train.dp = ", job.train.dp, is_split ? "" : text(" and gen.dp = ", job.gen.dp), ", ", factor,
                " times the GPUs");
  };
}

/// What costs nothing or some time of a pass, cheapest first.
std::vector<Change> cheap_changes() {
  return {[](Job& job) -> std::string {
            if (job.gen.kv_gb == 0) return "";
            job.gen.kv_gb = 0;
            return "gen.kv_gb = 0 (what is left)";
          },
          [](Job& job) -> std::string {
            if (job.train.logprob_chunk_tokens <= 256) return "";
            job.train.logprob_chunk_tokens = 256;
            return "train.logprob_chunk_tokens = 256";
          },
          [](Job& job) -> std::string {
            if (job.train.logprob_mbs <= 1) return "";
            job.train.logprob_mbs = 1;
            return "train.logprob_mbs = 1";
          },
          [](Job& job) -> std::string {
            if (job.train.mbs == 1 && job.packing.max_tokens == 0) return "";
            job.train.mbs = 1;
            job.packing.max_tokens = 0;
            return text("train.mbs = 1 (micro batches of ", job.grpo.max_sequence_tokens, " tokens)");
          },
          [](Job& job) -> std::string {
            if (job.train.recompute == spec::Recompute::full) return "";
            job.train.recompute = spec::Recompute::full;
            return "train.recompute = \"full\"";
          },
          [](Job& job) -> std::string {
            if (job.train.grad_dtype == spec::DataType::bf16 || job.model.dtype != spec::DataType::bf16) return "";
            job.train.grad_dtype = spec::DataType::bf16;
            return "train.grad_dtype = \"bf16\"";
          }};
}

/// Other layouts, and at last more GPUs.
std::vector<Change> layout_changes() {
  std::vector<Change> list;
  for (const std::int64_t factor : {2, 4, 8}) {
    list.push_back(from_dp(&spec::TrainJob::pp, "train.pp", factor));
    list.push_back(from_dp(&spec::TrainJob::tp, "train.tp", factor));
    list.push_back(from_dp(&spec::TrainJob::cp, "train.cp", factor));
    list.emplace_back([factor](Job& job) -> std::string {
      job.train.ep *= factor;
      return text("train.ep = ", job.train.ep);
    });
  }
  for (const std::int64_t factor : {2, 4, 8}) list.push_back(more_replicas(factor));
  return list;
}

/// By the rules that every job keeps.
bool is_sound(const spec::Plan& plan) {
  base::Faults faults;
  std::vector<std::string> warnings;
  spec::check_job(plan.job, &plan.model, std::string(), faults, warnings);
  return faults.list().empty();
}

bool has_nodes(const spec::Plan& plan, const cluster::Cluster& cluster) {
  const bool is_split = plan.job.placement.mode == spec::PlacementMode::split;
  const auto nodes = [&](std::int64_t ranks) { return (ranks + cluster.ranks_per_node - 1) / cluster.ranks_per_node; };
  return nodes(spec::train_ranks(plan.job)) + (is_split ? nodes(spec::gen_ranks(plan.job)) : 0) <= cluster.nodes;
}

/// The job after all of these changes, if each has something to change and the result is legal and fits.
std::optional<Fix> fix_with(const spec::Plan& plan, const cluster::Cluster& cluster, const std::vector<Change>& steps) {
  spec::Plan changed = plan;
  std::vector<std::string> words;
  for (const Change& change : steps) {
    words.push_back(change(changed.job));
    if (words.back().empty()) return {};
  }
  if (!has_nodes(changed, cluster) || !is_sound(changed)) return {};
  const std::int64_t bytes = largest_bytes(changed);
  if (bytes > limit_of(plan)) return {};
  return Fix{base::join(words, ", "), gigabytes(bytes)};
}

/// The cheap changes that have something to change.
std::vector<Change> open_changes(const spec::Plan& plan) {
  std::vector<Change> open;
  for (const Change& change : cheap_changes()) {
    Job job = plan.job;
    if (!change(job).empty()) open.push_back(change);
  }
  return open;
}

/// `layout` with as few of the cheap changes as will do.
std::optional<Fix> least_fix(const spec::Plan& plan, const cluster::Cluster& cluster,
                             const std::vector<Change>& layout) {
  std::vector<Change> steps = open_changes(plan);
  std::size_t cheap = steps.size();
  steps.insert(steps.end(), layout.begin(), layout.end());
  std::optional<Fix> found = fix_with(plan, cluster, steps);
  for (std::size_t i = cheap; found && i > 0; --i) {
    std::vector<Change> fewer = steps;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i) - 1);
    const std::optional<Fix> still = fix_with(plan, cluster, fewer);
    if (!still) continue;
    found = still;
    steps = std::move(fewer);
  }
  return found;
}

bool generates_within(const spec::Plan& plan) {
  for (const spec::RankMemory& rank : spec::memory_of(plan)) {
    for (const spec::PhaseMemory& phase : rank.phases) {
      if (phase.phase == spec::Phase::generate && phase.device.total() > limit_of(plan)) return false;
    }
  }
  return true;
}

/// The least gen.tp with which the generate phase fits; nothing where it fits as it is.
std::vector<Change> generator_changes(const spec::Plan& plan) {
  if (generates_within(plan)) return {};
  for (const std::int64_t factor : {2, 4, 8, 16, 32}) {
    spec::Plan changed = plan;
    if (!gen_tp(factor)(changed.job).empty() && is_sound(changed) && generates_within(changed)) return {gen_tp(factor)};
  }
  return {};
}

std::string fixes_text(const std::vector<Fix>& list) {
  if (list.empty())
    return "no two changes of the layout by up to 8 each fit on this cluster: take larger GPUs, or a smaller model";
  std::vector<std::string> words;
  for (const Fix& fix : list)
    words.push_back(text("set ", fix.change, " (", base::number_text(fix.largest_gb, 1), " GB)"));
  return base::join(words, "; or ");
}

void check_role(const cluster::Cluster& cluster, const spec::RankMemory& rank, const spec::KeyPlaces& places,
                const spec::Plan& plan, base::Faults& faults, std::vector<std::string>& warnings) {
  const spec::PhaseMemory& phase = rank.largest();
  const std::int64_t limit = limit_of(plan), needed = phase.device.total();
  if (limit == 0 || needed <= limit) return;
  const char* role = rank.trains && rank.generates ? "" : rank.trains ? "training " : "generating ";
  const std::string who = text("phase ", spec::phase_name(phase.phase), " of a ", role, "rank",
                               rank.trains && plan.job.train.pp > 1 && phase.phase != spec::Phase::generate
                                   ? text(" of pipeline stage ", phase.stage)
                                   : "");
  const std::int64_t exact = spec::exact_bytes(phase.device);
  const std::string fix = fixes_text(suggest_fixes(plan, cluster, 3));
  if (exact > limit) {
    faults.add({.what = text("does not fit: ", who, " holds ", gb_text(exact),
                             " of weights and state alone, but a GPU of cluster ", cluster.name, " has ",
                             gb_text(limit), ", ", gb_text(exact - limit), " less"),
                .where = places.of(rank.trains ? "train.tp" : "gen.tp"),
                .fix = fix});
  } else {
    warnings.push_back(text("may not fit: ", who, " needs an estimated ", gb_text(needed), ", ",
                            gb_text(needed - limit), " more than a GPU has; ", fix));
  }
}

}  // namespace

std::vector<Fix> suggest_fixes(const spec::Plan& plan, const cluster::Cluster& cluster, std::size_t count) {
  std::vector<Fix> found;
  const auto keep = [&](const std::optional<Fix>& fix) {
    if (fix) found.push_back(*fix);
  };
  // The roles do not depend on each other: what the generator must change, it must whatever the trainer does.
  const std::vector<Change> generator = generator_changes(plan);
  const auto with = [&](std::vector<Change> more) {
    more.insert(more.begin(), generator.begin(), generator.end());
    return more;
  };
  if (!generator.empty()) keep(fix_with(plan, cluster, generator));
  const std::vector<Change> layouts = layout_changes();
  for (const std::vector<Change>& list : {cheap_changes(), layouts}) {
    for (const Change& change : list) {
      if (found.size() < count) keep(fix_with(plan, cluster, with({change})));
    }
  }
  if (found.empty()) keep(least_fix(plan, cluster, generator));
  for (const Change& layout : layouts) {
    if (found.empty()) keep(least_fix(plan, cluster, with({layout})));
  }
  for (const Change& first : layouts) {
    for (const Change& second : layouts) {
      if (found.empty()) keep(least_fix(plan, cluster, with({first, second})));
    }
  }
  return found;
}

void check_memory(const cluster::Cluster& cluster, const spec::KeyPlaces& places, spec::Plan& plan,
                  base::Faults& faults, std::vector<std::string>& warnings) {
  if (plan.model.hidden_size == 0) return;
  plan.device_memory_gb = cluster.device == "cuda" ? cluster.gpu.memory_gb : 0;
  std::int64_t host = 0;
  for (const spec::RankMemory& rank : spec::memory_of(plan)) {
    check_role(cluster, rank, places, plan, faults, warnings);
    if (rank.generates && plan.device_memory_gb > 0) plan.kv_pages = rank.kv_pages;
    host = std::max(host, rank.most_host_bytes());
  }
  const double node_gb = gigabytes(host * plan.ranks_per_node);
  if (cluster.host_memory_gb > 0 && node_gb > cluster.host_memory_gb)
    warnings.push_back(text("may not fit: the ", plan.ranks_per_node, " ranks of a node hold up to ",
                            base::number_text(node_gb, 0), " GB on the host, but it has ",
                            base::number_text(cluster.host_memory_gb, 0), " GB"));
}

}  // namespace muster::plan
