#include "launcher/plan/memory_fit.h"

#include <algorithm>

#include "launcher/plan/fixes.h"
#include "runtime/base/text.h"
#include "runtime/spec/phase_memory.h"

namespace muster::plan {

using base::text;

namespace {

double gigabytes(std::int64_t bytes) { return static_cast<double>(bytes) / 1e9; }

std::string gb_text(std::int64_t bytes) { return base::number_text(gigabytes(bytes), 1) + " GB"; }

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
  const std::int64_t limit = device_bytes(plan), needed = phase.device.total();
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
