#include "launcher/doctor/doctor.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "launcher/cli/shared_flags.h"
#include "launcher/health/node_step.h"
#include "launcher/render/batch_script.h"
#include "launcher/run/run_folder.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "runtime/base/signals.h"
#include "runtime/base/text.h"

namespace muster::doctor {
namespace fs = std::filesystem;
using base::text;
using health::Grade;

namespace {

constexpr int kTimeLimit_min = 5;
constexpr double kLook_s = 0.5, kShared_s = 10;  // NFS shows a file of another machine after some seconds
constexpr const char* kCanary = "canary";

// A folder in the run root for as long as the doctor looks.
class Folder {
 public:
  explicit Folder(const fs::path& run_root) : path_(run_root / text(".muster-doctor-", ::getpid())) {
    base::make_folder(path_);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

struct DoctorOptions {
  std::string cluster;
  bool submit = false, json = false;
  cluster::UserSettings user_settings;
};

Place place_of(const DoctorOptions& options) {
  Place place{.cluster = cluster::read_cluster(options.cluster.empty() ? "local" : options.cluster,
                                               cluster::shipped_folder("clusters")),
              .binaries = base::executable_folder()};
  cluster::apply_user_settings(options.user_settings, place.cluster);
  place.run_root = run::default_run_folder("doctor", place.cluster.run_root).parent_path();
  const char* const path = std::getenv("PATH");
  place.path = path == nullptr ? "" : path;
  return place;
}

std::string log_text(const fs::path& log) {
  std::error_code ignored;
  return fs::exists(log, ignored) ? base::read_file(log) : "";
}

health::Report node_trouble(const std::string& found, const std::string& fix) {
  return {.host = "a node", .findings = {{Grade::error, "the job on a node", found, "a report within minutes", fix}}};
}

}  // namespace

std::string look_script(const Place& place, const fs::path& folder, const std::string& canary) {
  spec::Plan plan;
  plan.num_nodes = 1;
  plan.device = place.cluster.device;
  plan.ranks_per_node = place.cluster.ranks_per_node;
  plan.run_folder = folder;
  plan.binaries = place.binaries;
  health::Wanted wanted = health::wanted_of(place.cluster, place.run_root, place.binaries);
  if (!canary.empty()) wanted.canary = (folder.filename() / canary).string();
  const cluster::SlurmFacts& slurm = place.cluster.slurm;
  std::string script = text("#!/bin/bash\n#SBATCH --job-name=muster-doctor --time=", kTimeLimit_min,
                            " --no-requeue\n#SBATCH ", render::size_directives(plan, place.cluster), "\n");
  if (const std::string where = render::where_directives(slurm); !where.empty()) script += "#SBATCH " + where + "\n";
  if (!slurm.sbatch_flags.empty()) script += "#SBATCH " + base::join(slurm.sbatch_flags, " ") + "\n";
  script += text("#SBATCH --output=", folder.string(), "/job.log\n");
  for (const std::string& line : place.cluster.setup) script += line + "\n";
  std::vector<std::string> words;
  const health::NodeStep step{.hosts = {},
                              .program = place.binaries / "muster",
                              .flags = render::agent_words(plan, place.cluster),
                              .wanted = wanted};
  for (const std::string& word : health::node_step_command(step)) words.push_back(base::shell_quoted(word));
  return script + base::join(words, " ") + "\n";
}

health::Report look_at_a_node(slurm::Queries& queries, slurm::Control& control, const fs::path& script,
                              double patience_s) {
  const fs::path log = script.parent_path() / "job.log";
  base::SignalQueue signals({SIGINT, SIGTERM, SIGHUP});
  const slurm::Submitted taken = control.submit({.script = script, .log = log.string()});
  const std::string& id = taken.id;
  if (id.empty()) return node_trouble(taken.sentence, "squeue --me; a wrapper of sbatch, if the site has one");
  const base::Stopwatch watch;
  std::optional<slurm::JobFacts> job;
  std::string state = "waits";
  for (double last_s = 0;;) {
    const bool is_interrupted = signals.wait(kLook_s) != 0;
    job = queries.job(id);
    if (!job || job->is_over()) break;
    state = text("is ", job->state, job->reason.empty() || job->reason == "None" ? "" : text(" (", job->reason, ")"));
    if (watch.elapsed_s() - last_s > 5) {
      std::fprintf(stderr, "job %s %s\n", id.c_str(), state.c_str());
      last_s = watch.elapsed_s();
    }
    if (watch.elapsed_s() < patience_s && !is_interrupted) continue;
    control.cancel(id);
    if (is_interrupted)
      return node_trouble(text("job ", id, " ", state, "; interrupted, it was cancelled"), "call again");
    return node_trouble(text("job ", id, " ", state, " after ", base::seconds_text(patience_s), " and was cancelled"),
                        "call again when nodes are free; squeue --start tells when");
  }
  const base::Stopwatch ended;
  while (log_text(log).empty() && ended.elapsed_s() < kShared_s && signals.wait(kLook_s) == 0) {
  }
  const std::string said = log_text(log);
  if (said.empty())
    return node_trouble(
        text("job ", id, " ended, and what it wrote into ", script.parent_path().string(), " is not seen here"),
        "the run root must be one folder for login node and nodes: run_root in the cluster file");
  std::vector<health::Report> reports = health::reports_in(said);
  if (reports.empty())
    reports = health::collect_reports({job && !job->nodes.empty() ? job->nodes : "a node"}, "", said);
  health::compare_nodes(reports, base::wall_clock_s(), watch.elapsed_s(), false);
  return reports[0];
}

namespace {

int look(const DoctorOptions& options) {
  const Place place = place_of(options);
  if (options.submit && !place.cluster.has_slurm)
    throw Error::user({.what = text("cluster ", place.cluster.name, " has no Slurm to submit to"),
                       .fix = "--cluster names one that has"});
  const std::unique_ptr<slurm::Queries> queries = slurm::make_queries();
  const std::unique_ptr<slurm::Control> control = slurm::make_control();
  std::optional<Folder> folder;
  std::string trouble;
  try {
    folder.emplace(place.run_root);
    base::write_file(folder->path() / kCanary, "seen\n");
    base::write_file(folder->path() / "look.sh", look_script(place, folder->path(), kCanary), 0755);
  } catch (const Error& error) {
    trouble = error.what();  // the run root's own finding tells
  }
  const fs::path script = folder ? folder->path() / "look.sh" : fs::path("/dev/null");
  std::vector<health::Report> reports{look_here(place, *queries, *control, script)};
  const auto show = [&](const health::Report& report, const std::string& title) {
    base::print(stdout,
                options.json ? health::report_line(report) + "\n" : text(title, "\n", health::reports_page({report})));
    std::fflush(stdout);
  };
  show(reports[0], text("here, on ", reports[0].host, ", for cluster ", place.cluster.name));
  if (!place.cluster.has_slurm) {
    health::Wanted wanted = health::wanted_of(place.cluster, place.run_root, place.binaries);
    reports.push_back(health::check_node(wanted));
    show(reports[1], "this machine as a node");
  } else if (options.submit && health::worst_of(reports[0]) != Grade::error) {
    reports.push_back(look_at_a_node(*queries, *control, script));
    show(reports[1], text("on ", reports[1].host));
  } else if (options.submit) {
    std::fprintf(stderr, "no job is submitted before that is fixed\n");
  }
  return health::exit_code(reports);
}

}  // namespace

cli::Verb doctor_verb() {
  return cli::make_verb<DoctorOptions>(
      {.name = "doctor",
       .usage = "[--cluster C] [--submit] [--json]",
       .summary = "what will not work on this cluster, and what to do: here, and with --submit on a node",
       .example = "muster doctor --cluster dgx-h100 --submit"},
      [](cli::Flags& flags, DoctorOptions& options) {
        cli::add_cluster_flag(flags, options.cluster);
        flags.add("submit", "also look at one node, by a job of a minute", options.submit);
        cli::add_json_flag(flags, options.json);
        cli::add_user_flags(flags, options.user_settings);
      },
      look);
}

}  // namespace muster::doctor
