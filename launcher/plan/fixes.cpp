// The search: single changes first, then several with as few as will do, then pairs of layouts.
#include "launcher/plan/fixes.h"

#include <algorithm>
#include <optional>

#include "launcher/plan/changes.h"
#include "runtime/base/text.h"
#include "runtime/spec/phase_memory.h"
#include "runtime/spec/toml_reader.h"

namespace muster::plan {

using spec::Job;

std::int64_t device_bytes(const spec::Plan& plan) { return static_cast<std::int64_t>(plan.device_memory_gb * 1e9); }

namespace {

/// Over all roles.
std::int64_t largest_bytes(const spec::Plan& plan) {
  std::int64_t most = 0;
  for (const spec::RankMemory& rank : spec::memory_of(plan)) most = std::max(most, rank.largest().device.total());
  return most;
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
  if (bytes > device_bytes(plan)) return {};
  return Fix{base::join(words, ", "), static_cast<double>(bytes) / 1e9};
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
      if (phase.phase == spec::Phase::generate && phase.device.total() > device_bytes(plan)) return false;
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

}  // namespace muster::plan
