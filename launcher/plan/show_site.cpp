#include "launcher/plan/show_site.h"

#include <vector>

#include "launcher/page/wrapped.h"
#include "launcher/plan/show.h"
#include "runtime/base/columns.h"
#include "runtime/base/text.h"

namespace muster::plan {

using base::text;

std::string submission_page(const cluster::Cluster& cluster) {
  if (!cluster.has_slurm) return "";
  const cluster::SlurmFacts& slurm = cluster.slurm;
  std::string page = "\nsubmission\n";
  const auto line = [&](const std::string& key, const std::string& value, const std::string& prefix = "slurm.") {
    if (value.empty()) return;
    const auto place = cluster.places.keys.find(prefix + key);
    const std::string origin = place == cluster.places.keys.end() ? "default" : place->second;
    const std::string head = text("  ", base::left(key, 15), " ", base::left(value, 26));
    page += head.size() + 2 + origin.size() <= page::kPageColumns
                ? text(head, "  ", origin, "\n")
                : text("  ", base::left(key, 15), " ", value, "\n", std::string(20, ' '), origin, "\n");
  };
  line("partition", slurm.partition);
  line("account", slurm.account);
  line("qos", slurm.qos);
  line("reservation", slurm.reservation);
  line("nodelist", slurm.nodelist);
  line("exclude", slurm.exclude);
  line("features", base::join(slurm.features, "&"));
  line("comment", slurm.comment);
  line("time_limit_min", std::to_string(slurm.time_limit_min));
  line("sbatch_flags", base::join(slurm.sbatch_flags, " "));
  line("run_root", cluster.run_root, "");
  return page;
}

}  // namespace muster::plan
