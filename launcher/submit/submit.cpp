#include "launcher/submit/submit.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "launcher/plan/limits.h"
#include "launcher/probe/slurm_probe.h"
#include "launcher/run/submission.h"
#include "launcher/slurm/scontrol_text.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::submit {
namespace fs = std::filesystem;
using base::text;

namespace {

// What we wrote is taken away again when the job was refused; a folder that was there before stays.
class Undo {
 public:
  Undo(spec::RunPaths paths, bool is_ours) : paths_(std::move(paths)), armed_(is_ours) {}
  ~Undo() {
    std::error_code ignored;
    if (!armed_) return;
    fs::remove(paths_.plan(), ignored);
    fs::remove(paths_.batch_script(), ignored);
    fs::remove(paths_.folder, ignored);
  }
  void keep() { armed_ = false; }

 private:
  spec::RunPaths paths_;
  bool armed_;
};

void add_all(base::Faults& faults, const Error& error) {
  for (const base::Fault& fault : error.faults()) faults.add(fault);
}

}  // namespace

void check_limits(const run::Prepared& prepared, const std::vector<slurm::PartitionFacts>& partitions,
                  base::Faults& faults) {
  std::vector<cluster::PartitionLimits> limits;
  for (const slurm::PartitionFacts& one : partitions) limits.push_back(probe::limits_of(one));
  plan::check_limits(prepared.plan, prepared.cluster, limits, faults);
  const cluster::PartitionLimits* chosen = plan::partition_of(prepared.cluster.slurm, limits);
  if (chosen != nullptr && !partitions[static_cast<std::size_t>(chosen - limits.data())].is_up)
    faults.add({.what = text("partition ", chosen->name, " is down"),
                .where = prepared.cluster.places.of("slurm.partition"),
                .fix = "choose another, or wait"});
}

std::string start_text(std::int64_t start_s, std::int64_t now_s) {
  if (start_s == 0) return "not known yet";
  if (start_s <= now_s + 2) return "now";
  const std::time_t time = start_s;
  char clock[32];
  std::strftime(clock, sizeof clock, "%Y-%m-%d %H:%M:%S", std::localtime(&time));
  return text("in ", base::seconds_text(static_cast<double>(start_s - now_s)), " (", clock, ", an estimate)");
}

int submit_verb(const cli::Options& typed, slurm::Queries& queries, slurm::Control& control) {
  if (!typed.words.empty() && typed.cluster.empty())
    throw Error::user({.what = "muster submit needs --cluster", .fix = "the name of a file in clusters/ or a path"});
  const run::Prepared prepared = run::prepare(typed);
  const spec::RunPaths paths{prepared.plan.run_folder};
  for (const std::string& warning : prepared.plan.warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  queries.ping();
  base::Faults faults;
  check_limits(prepared, queries.partitions(), faults);
  Undo undo(paths, !prepared.is_next_attempt && !fs::exists(paths.folder));
  try {
    run::write_run_folder(prepared);
  } catch (const Error& error) {
    add_all(faults, error);
  }
  slurm::Forecast forecast;
  if (faults.empty()) {
    forecast = control.forecast(paths.batch_script());
    if (!forecast.accepted)
      faults.add({.what = "Slurm refuses the job: " + forecast.said,
                  .where = text("sbatch --test-only for cluster ", prepared.cluster.name),
                  .fix = "look at `muster plan` for what is asked for"});
  }
  faults.throw_if_any();
  const std::string id = control.submit(paths.batch_script());
  undo.keep();
  run::write_submission(paths.folder,
                        {.job_id = id, .cluster = prepared.cluster.name, .time = base::wall_clock_text()});
  const std::int64_t now_s = std::time(nullptr);
  std::printf("job             %s (%s, %lld %s)\n", id.c_str(), prepared.plan.job.name.c_str(),
              static_cast<long long>(prepared.plan.num_nodes), prepared.plan.num_nodes == 1 ? "node" : "nodes");
  std::printf("run folder      %s\n", paths.folder.c_str());
  std::printf("expected start  %s\n", start_text(forecast.start_s, now_s).c_str());
  std::printf("follow          muster status %s   muster logs -f %s\n", id.c_str(), id.c_str());
  return 0;
}

int submit_verb(const cli::Options& typed) {
  return submit_verb(typed, *slurm::make_queries(), *slurm::make_control());
}

}  // namespace muster::submit
