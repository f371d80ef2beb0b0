#include "launcher/cli/verbs.h"

#include <cstdio>

#include "launcher/plan/plan.h"
#include "launcher/plan/show.h"
#include "launcher/render/batch_script.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"

namespace muster::cli {

namespace {

void print(const std::string& page) { std::fwrite(page.data(), 1, page.size(), stdout); }

/// The batch script that `submit` would write; none for a cluster whose file says nothing of Slurm.
std::string batch_script(const plan::Planned& planned) {
  if (!planned.cluster.has_slurm) return "";
  const std::string shape = base::read_file(cluster::shipped_folder("templates") / "batch.sh.in");
  return render::batch_script(shape, planned.plan, planned.cluster, planned.plan.binaries / "muster");
}

}  // namespace

int run_plan(const Options& options) {
  if (options.words.empty()) {
    throw Error::user(
        {.what = "muster plan needs a job",
         .where = "",
         .fix = "muster plan JOB, where JOB is the path of a job file or the name of a shipped template"});
  }
  if (options.json + options.resolved + options.schedule > 1)
    throw Error::user({.what = "--json, --resolved and --schedule do not go together",
                       .where = "",
                       .fix = "each prints something else: choose one"});
  plan::Request request{.job = options.words[0], .overrides = options.overrides, .wishes = options.wishes};
  if (!options.cluster.empty()) request.cluster = options.cluster;
  const plan::Planned planned = plan::make_plan(request);
  if (options.json) {
    print(spec::plan_json(planned.plan));
  } else if (options.resolved) {
    print(spec::plan_text(planned.plan));
  } else if (options.schedule) {
    print(plan::schedule_page(planned.plan));
  } else {
    print(plan::plan_page(planned.plan, planned.cluster, batch_script(planned)));
  }
  return 0;
}

int run_keys(const Options& options) {
  if (options.steps && options.cluster_keys)
    throw Error::user({.what = "--steps and --cluster do not go together", .where = "", .fix = "choose one"});
  if (options.steps) {
    print(plan::step_fields_page(spec::step_fields()));
  } else {
    print(plan::keys_page(options.cluster_keys ? cluster::cluster_keys() : spec::job_keys()));
  }
  return 0;
}

}  // namespace muster::cli
