#include "launcher/supervise/preflight.h"

#include <algorithm>

#include "launcher/health/node_step.h"
#include "launcher/slurm/host_list.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::supervise {
namespace {

using base::text;
using health::Report;

health::Wanted wanted_of(const spec::Plan& plan) {
  const spec::RunPaths paths{plan.run_folder};
  if (!base::is_there(paths.node_wanted()))
    throw Error::user({.what = "placement.preflight = true, but what nodes must have is not in the run folder",
                       .where = paths.node_wanted().string(),
                       .fix = "`muster submit` and `muster run` write it"});
  health::Wanted wanted = health::parse_wanted(base::read_file(paths.node_wanted()));
  wanted.run_root = plan.run_folder;
  wanted.canary = paths.plan().filename();
  wanted.binaries = plan.binaries;
  return wanted;
}

std::vector<Report> look(const spec::Plan& plan, const std::vector<std::string>& hosts, const NodeSearch& search) {
  const spec::RunPaths paths{plan.run_folder};
  const health::Wanted wanted = wanted_of(plan);
  search.say(hosts.empty() ? "preflight looks at this machine"
                           : text("preflight looks at ", hosts.size(), hosts.size() == 1 ? " node" : " nodes"));
  const base::Stopwatch watch;
  std::vector<Report> reports =
      hosts.empty()
          ? std::vector<Report>{health::check_node(wanted)}
          : health::run_node_step(
                {.hosts = hosts, .program = plan.binaries / "muster", .flags = search.srun_flags, .wanted = wanted});
  if (std::all_of(reports.begin(), reports.end(), [](const Report& report) { return report.clock_s == 0; }))
    throw Error::cluster(
        {.what = text("preflight: no node answered; ", unfit_text({reports[0]})),
         .where = paths.folder.string(),
         .fix = "the step of srun did not start: srun_flags, setup and container of the cluster file"});
  health::compare_nodes(reports, base::wall_clock_s(), watch.elapsed_s(), wanted.shares_fabric);
  base::write_file(paths.preflight_page(), health::reports_page(reports));
  search.say(text("preflight took ", base::seconds_text(watch.elapsed_s()),
                  "; what it found: ", paths.preflight_page().string()));
  return reports;
}

}  // namespace

std::vector<std::string> unfit_hosts(const std::vector<Report>& reports) {
  std::vector<std::string> hosts;
  for (const Report& report : reports)
    if (health::worst_of(report) == health::Grade::error) hosts.push_back(report.host);
  return hosts;
}

std::string unfit_text(const std::vector<Report>& reports) {
  std::vector<std::string> parts;
  for (const Report& report : reports) {
    const auto bad = std::find_if(report.findings.begin(), report.findings.end(),
                                  [](const health::Finding& one) { return one.grade == health::Grade::error; });
    if (bad == report.findings.end()) continue;
    parts.push_back(text(report.host, ": ", bad->what, " ", bad->found,
                         bad->wanted.empty() ? "" : text(" (wanted: ", bad->wanted, ")")));
  }
  return base::join(parts, "; ");
}

Nodes choose_nodes(const spec::Plan& plan, slurm::Queries& queries, const NodeSearch& search) {
  Nodes nodes = decide_nodes(plan, search.slurm, queries);
  if (!plan.job.placement.preflight) return nodes;
  const std::vector<std::string> hosts =
      nodes.by_srun ? slurm::expand_hosts(search.slurm->node_list) : std::vector<std::string>{};
  const std::vector<Report> reports = look(plan, hosts, search);
  const std::vector<std::string> unfit = unfit_hosts(reports);
  if (unfit.empty()) return nodes;
  const std::int64_t fit = static_cast<std::int64_t>(reports.size() - unfit.size()), needed = working_nodes(plan);
  if (!nodes.by_srun || fit < needed)
    throw Error::cluster({.what = text("preflight: ", unfit_text(reports),
                                       nodes.by_srun ? text("; ", fit, " nodes are fit, the plan needs ", needed) : ""),
                          .where = spec::RunPaths{plan.run_folder}.preflight_page().string(),
                          .fix = nodes.by_srun
                                     ? text("fix them, or muster submit --run-dir ", plan.run_folder.string(),
                                            " --exclude ", slurm::compress_hosts(unfit),
                                            "; placement.spares = ", unfit.size(), " would have left them out")
                                     : "fix it"});
  search.say(text("preflight leaves out ", unfit_text(reports)));
  return decide_nodes(plan, search.slurm, queries, unfit);
}

}  // namespace muster::supervise
