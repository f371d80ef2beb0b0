#include "launcher/show_plan/show_plan.h"

#include "launcher/cli/shared_flags.h"
#include "launcher/cluster/cluster.h"
#include "launcher/estimate/page.h"
#include "launcher/plan/plan.h"
#include "launcher/plan/show.h"
#include "launcher/render/batch_script.h"
#include "launcher/rows/rows.h"
#include "launcher/trial/trial.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/data_files.h"

namespace muster::show_plan {
namespace {

namespace fs = std::filesystem;

struct PlanOptions {
  std::vector<std::string> words;  // JOB
  std::string cluster;
  std::vector<std::string> overrides;
  bool json = false, resolved = false, schedule = false;
  cluster::UserSettings user_settings;
};

void print(const std::string& page) { base::print(stdout, page); }

/// The batch script that `submit` would write; none for a cluster whose file says nothing of Slurm.
std::string batch_script(const plan::Planned& planned) {
  if (!planned.cluster.has_slurm) return "";
  const std::string shape = base::read_file(cluster::shipped_folder("templates") / "batch.sh.in");
  return render::batch_script(shape, planned.plan, planned.cluster, planned.plan.binaries / "muster");
}

/// Where a published job was measured, if that is not where it is planned; else empty.
std::string measured_elsewhere(const plan::Planned& planned, const std::string& word) {
  if (cluster::is_path(word)) return "";
  const std::string job = planned.job_file.stem().string();
  for (const rows::PublishedRow& row : rows::shipped_rows()) {
    if (row.job == job && row.cluster != planned.plan.cluster)
      return base::text("\nThis job was measured on cluster ", row.cluster, ": muster plan ", word, " --cluster ",
                        row.cluster, "\n");
  }
  return "";
}

/// The first row as the model will see it, where model and data are here.
std::string first_prompt(const spec::Plan& plan) {
  if (!plan.job.model.path.empty() && !base::is_there(fs::path(plan.job.model.path) / "tokenizer.json")) return "";
  for (const spec::DataSource& source : spec::data_sources(plan.job.data))
    if (!source.path.starts_with("builtin:") && !spec::is_data_there(source.path)) return "";
  try {
    const std::optional<trial::Trial> trial = trial::try_plan(plan, false);
    return trial ? "\n" + trial::first_prompt_text(*trial) : "";
  } catch (const Error& error) {
    return base::text("\nwarning: this job's data would end its run: ", error.what(), "\n");
  }
}

int show_plan(const PlanOptions& options) {
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
  plan::Request request{
      .job = options.words[0], .overrides = options.overrides, .user_settings = options.user_settings};
  if (!options.cluster.empty()) request.cluster = options.cluster;
  const plan::Planned planned = plan::make_plan(request);
  if (options.json) {
    print(spec::plan_json(planned.plan));
  } else if (options.resolved) {
    print(plan::resolved_page(planned.plan, planned.places));
  } else if (options.schedule) {
    print(plan::schedule_page(planned.plan));
  } else {
    print(plan::plan_page(planned.plan, planned.cluster, batch_script(planned)));
    print(estimate::seconds_page(planned));
    print(first_prompt(planned.plan));
    print(measured_elsewhere(planned, options.words[0]));
  }
  return 0;
}

}  // namespace

cli::Verb plan_verb() {
  return cli::make_verb<PlanOptions>(
      {.name = "plan",
       .usage = "JOB [--cluster C] [--set key=value]...",
       .summary = "what a job would be: allocation, mesh, ranks, environment, memory",
       .example = "muster plan smollm2-135m-sums --set train.dp=4 --set gen.dp=4",
       .max_words = 1},
      [](cli::Flags& flags, PlanOptions& options) {
        cli::add_cluster_flag(flags, options.cluster);
        cli::add_set_flag(flags, options.overrides);
        cli::add_json_flag(flags, options.json);
        flags.add("resolved", "print plan.toml with every key of the job", options.resolved);
        flags.add("schedule", "print the trainer's pipeline schedule", options.schedule);
        cli::add_user_flags(flags, options.user_settings);
      },
      show_plan);
}

}  // namespace muster::show_plan
