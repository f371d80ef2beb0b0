#include "launcher/submit/submit.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <thread>

#include "launcher/cli/shared_flags.h"
#include "launcher/cluster/partition_list.h"
#include "launcher/plan/limits.h"
#include "launcher/plan/segments.h"
#include "launcher/plan/slurm_request.h"
#include "launcher/probe/slurm_probe.h"
#include "launcher/records/submission.h"
#include "launcher/records/verdict.h"
#include "launcher/render/batch_script.h"
#include "launcher/run/pin.h"
#include "launcher/slurm/environment.h"
#include "launcher/slurm/host_list.h"
#include "launcher/slurm/scontrol_text.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/spec/data_identity.h"
#include "runtime/spec/epoch.h"
#include "runtime/spec/origin.h"

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
    fs::remove(spec::origin_file(paths_.folder), ignored);
    fs::remove(spec::data_identity_file(paths_.folder), ignored);
    fs::remove_all(paths_.checkpoints(), ignored);
    fs::remove(paths_.batch_script(), ignored);
    fs::remove(run::pinned_link(paths_.folder), ignored);
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

std::vector<std::string> hosts_in(const std::string& list) {
  return list.empty() ? std::vector<std::string>{} : slurm::expand_hosts(list);
}

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// Holds a run's folder for one submission: of two at the same moment the second is refused. A file system that knows
/// no locks lets both pass.
base::Descriptor hold(const fs::path& folder) {
  base::Descriptor held(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (held && ::flock(held.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    throw Error::user({.what = "this run is being submitted at this moment",
                       .where = folder.string(),
                       .fix = "muster status shows its job in a moment"});
  return held;
}

/// Nodes of the pool in each block; only those that are up, or all.
std::vector<std::int64_t> domains_of(const Pool& pool, bool with_away) {
  std::vector<std::int64_t> domains;
  for (const slurm::BlockFacts& block : pool.blocks) {
    const std::vector<std::string> members = hosts_in(block.nodes);
    domains.push_back(std::count_if(pool.nodes.begin(), pool.nodes.end(), [&](const slurm::NodeFacts& node) {
      return (with_away || !node.is_away()) && contains(members, node.name);
    }));
  }
  return domains;
}

}  // namespace

void check_limits(const run::Prepared& prepared, const std::vector<slurm::PartitionFacts>& partitions,
                  base::Faults& faults, std::vector<std::string>& warnings) {
  std::vector<cluster::PartitionLimits> limits;
  for (const slurm::PartitionFacts& one : partitions) limits.push_back(probe::limits_of(one));
  plan::check_limits(prepared.plan, prepared.cluster, limits, faults, warnings);
  std::vector<std::string> unknown, down;
  const auto chosen = cluster::chosen_partitions(prepared.cluster.slurm.partition, partitions, unknown);
  for (const slurm::PartitionFacts* one : chosen)
    if (!one->is_up) down.push_back(one->name);
  const std::string said = text("partition ", base::join(down, ", "), " is down");
  if (!down.empty() && down.size() == chosen.size())
    faults.add(
        {.what = said, .where = prepared.cluster.places.of("slurm.partition"), .fix = "choose another, or wait"});
  else if (!down.empty())
    warnings.push_back(said);
}

Pool pool_of(const run::Prepared& prepared, const std::vector<slurm::PartitionFacts>& partitions,
             slurm::Queries& queries) {
  const cluster::SlurmFacts& wanted = prepared.cluster.slurm;
  std::vector<std::string> names, partition_names, unknown;
  const std::vector<std::string> excluded = hosts_in(wanted.exclude);
  for (const slurm::PartitionFacts* one : cluster::chosen_partitions(wanted.partition, partitions, unknown)) {
    partition_names.push_back(one->name);
    for (const std::string& name : hosts_in(one->nodes))
      if (!contains(excluded, name) && !contains(names, name)) names.push_back(name);
  }
  Pool pool{.partition = base::join(partition_names, ",")};
  if (!names.empty()) pool.nodes = queries.nodes(names);
  if (prepared.plan.segment_nodes > 0) pool.blocks = queries.blocks();
  return pool;
}

void check_segments(const run::Prepared& prepared, const Pool& pool, base::Faults& faults) {
  const std::int64_t segment = prepared.plan.segment_nodes;
  if (segment == 0) return;
  if (pool.blocks.empty()) {
    faults.add({.what = text("the plan asks for segments of ", segment, " nodes, but Slurm has no topology/block"),
                .where = prepared.cluster.places.of("slurm.segments"),
                .fix = "set slurm.segments = false: groups may then lie in two NVLink domains"});
    return;
  }
  plan::SegmentRequest request = plan::segment_request(prepared.plan, prepared.cluster);
  request.domains = domains_of(pool, true);
  const std::vector<std::string> reasons = plan::segment_faults(request, segment);
  if (reasons.empty()) return;
  std::vector<std::string> legal;
  for (const std::int64_t other : plan::legal_segments(request)) legal.push_back(std::to_string(other));
  faults.add(
      {.what = text("segments of ", segment, " nodes: ", base::join(reasons, "; ")),
       .where = text("partition ", pool.partition),
       .fix = text("placement.segment_nodes may be ", base::join(legal, ", "), " there; or exclude fewer nodes")});
}

std::string away_text(const run::Prepared& prepared, const Pool& pool) {
  const spec::Plan& plan = prepared.plan;
  const std::vector<std::string> required = hosts_in(prepared.cluster.slurm.nodelist);
  std::vector<std::string> away, states;
  bool needs_one = false;
  for (const slurm::NodeFacts& node : pool.nodes) {
    if (!node.is_away()) continue;
    away.push_back(node.name);
    if (!contains(states, node.state)) states.push_back(node.state);
    needs_one = needs_one || contains(required, node.name);
  }
  const std::int64_t total = std::ssize(pool.nodes);
  const std::int64_t up = total - std::ssize(away);
  needs_one = needs_one || (up < plan.num_nodes && total >= plan.num_nodes);
  if (plan.segment_nodes > 0 && !away.empty() && !needs_one) {
    plan::SegmentRequest request = plan::segment_request(plan, prepared.cluster);
    request.domains = domains_of(pool, false);
    needs_one = !plan::segment_faults(request, plan.segment_nodes).empty();
  }
  if (!needs_one) return "";
  return text(up, " of ", total, " nodes of partition ", pool.partition, " are up and the job needs ", plan.num_nodes,
              ": it waits for ", slurm::compress_hosts(away), " (", base::join(states, ", "), ")");
}

std::string start_text(std::int64_t start_s, std::int64_t now_s) {
  if (start_s == 0) return "not known yet";
  if (start_s <= now_s + 2) return "now";
  const std::time_t time = start_s;
  char clock[32];
  std::strftime(clock, sizeof clock, "%Y-%m-%d %H:%M:%S", std::localtime(&time));
  return text("in ", base::seconds_text(static_cast<double>(start_s - now_s)), " (", clock, ", an estimate)");
}

namespace {

void warn(const std::string& sentence) { std::fprintf(stderr, "warning: %s\n", sentence.c_str()); }

/// Everything of the submission that can be judged before a folder is written.
void check(const run::Prepared& prepared, const std::vector<slurm::PartitionFacts>& partitions, slurm::Queries& queries,
           base::Faults& faults) {
  std::vector<std::string> warnings;
  if (prepared.is_next_attempt)  // a JOB's plan has just been checked
    plan::check_request(prepared.plan, prepared.cluster, {.file = spec::RunPaths{prepared.plan.run_folder}.plan()},
                        faults, warnings);
  check_limits(prepared, partitions, faults, warnings);
  if (prepared.plan.segment_nodes > 0) check_segments(prepared, pool_of(prepared, partitions, queries), faults);
  for (const std::string& warning : warnings)
    if (!contains(prepared.plan.warnings, warning)) warn(warning);
}

slurm::Forecast foreseen(const run::Prepared& prepared, const std::vector<slurm::PartitionFacts>& partitions,
                         slurm::Queries& queries, slurm::Control& control, base::Faults& faults) {
  const slurm::Forecast forecast = control.forecast(spec::RunPaths{prepared.plan.run_folder}.batch_script());
  const std::string away = forecast.accepted ? "" : away_text(prepared, pool_of(prepared, partitions, queries));
  if (!away.empty()) {
    warn(text("Slurm foretells no start (", forecast.said, "): ", away));
  } else if (!forecast.accepted) {
    faults.add({.what = "Slurm refuses the job: " + forecast.said,
                .where = text("sbatch --test-only for cluster ", prepared.cluster.name),
                .fix = "look at `muster plan` for what is asked for"});
  }
  return forecast;
}

/// The job's id. The folder of a job that may have been taken stays whatever happens.
std::string submitted(const run::Prepared& prepared, slurm::Control& control, Undo& undo) {
  const spec::RunPaths paths{prepared.plan.run_folder};
  const slurm::Submitted taken =
      control.submit({.script = paths.batch_script(), .log = render::log_prefix(paths.folder)});
  undo.keep();
  if (taken.id.empty())
    throw Error::cluster({.what = taken.sentence,
                          .where = paths.folder.string(),
                          .fix = "the run folder is kept: look with squeue --me, then muster submit --run-dir again"});
  records::add_submission(paths.folder,
                          {.job_id = taken.id, .cluster = prepared.cluster.name, .time = base::wall_clock_text()});
  if (!taken.sentence.empty()) warn(taken.sentence);
  return taken.id;
}

void report_json(const run::Prepared& prepared, const std::string& id, const slurm::Forecast& forecast) {
  nlohmann::ordered_json object{{"job_id", id},
                                {"name", prepared.plan.job.name},
                                {"nodes", prepared.plan.num_nodes},
                                {"run_folder", prepared.plan.run_folder.string()},
                                {"binaries", prepared.plan.binaries.string()},
                                {"expected_start", nullptr}};
  if (forecast.start_s > 0) object["expected_start"] = forecast.start_s;  // Unix time
  base::print(stdout, base::json_text(object, 2) + "\n");
}

void report(const run::Prepared& prepared, const std::string& id, const slurm::Forecast& forecast) {
  const spec::Plan& plan = prepared.plan;
  std::printf("job             %s (%s, %lld %s)\n", id.c_str(), plan.job.name.c_str(),
              static_cast<long long>(plan.num_nodes), plan.num_nodes == 1 ? "node" : "nodes");
  std::printf("run folder      %s\n", plan.run_folder.c_str());
  std::printf("binaries        %s (pinned: a new build changes nothing for this job)\n", plan.binaries.c_str());
  std::printf("expected start  %s\n", start_text(forecast.start_s, std::time(nullptr)).c_str());
  std::printf("follow          muster status %s   muster logs -f %s\n", id.c_str(), id.c_str());
}

}  // namespace

int wait_for_job(const fs::path& run_folder, const std::string& job_id, slurm::Queries& queries, double look_s) {
  const auto is_over = [&] {
    try {
      const std::optional<slurm::JobFacts> job = queries.job(job_id);
      return !job || job->is_over();
    } catch (const Error& error) {
      if (error.kind() != base::ErrorKind::cluster) throw;
      return false;
    }
  };
  while (!is_over()) std::this_thread::sleep_for(std::chrono::duration<double>(look_s));
  const auto epoch = spec::current_epoch(run_folder);
  const auto verdict = epoch ? records::read_verdict({run_folder}, epoch->attempt) : std::nullopt;
  const int code = verdict ? verdict->code : 3;
  std::fprintf(stderr, "job %s is over: %s\n", job_id.c_str(),
               verdict ? verdict->sentence.c_str() : "it left no verdict");
  return code;
}

int submit(const run::StartOptions& options, slurm::Queries& queries, slurm::Control& control, const Afterwards& then) {
  if (!options.words.empty() && options.cluster.empty())
    throw Error::user({.what = "muster submit needs --cluster", .fix = "the name of a file in clusters/ or a path"});
  run::Prepared prepared = run::prepare(options);
  const spec::RunPaths paths{prepared.plan.run_folder};
  base::Faults faults;
  render::check_names(prepared.plan, faults);
  faults.throw_if_any();
  for (const std::string& warning : prepared.plan.warnings) warn(warning);
  for (const std::string& note : prepared.notes) base::print(stderr, note + "\n");
  if (prepared.takeover) base::print(stderr, run::takeover_page(*prepared.takeover));
  if (const std::string left_out = slurm::left_out_text(slurm::own_environment()); !left_out.empty()) warn(left_out);
  queries.ping();
  const base::Descriptor held = hold(paths.folder);
  records::check_no_job(paths.folder, queries);
  const std::vector<slurm::PartitionFacts> partitions = queries.partitions();
  check(prepared, partitions, queries, faults);
  if (faults.empty())
    for (const std::string& warning : run::try_first(prepared, options)) warn(warning);
  Undo undo(paths, !prepared.is_next_attempt && !fs::exists(paths.folder));
  try {
    const fs::path root = paths.folder.parent_path();
    fs::path& binaries = prepared.plan.binaries;
    if (faults.empty() && !run::is_pinned(binaries, root)) binaries = run::pin_binaries(binaries, root);
    if (faults.empty() || !prepared.is_next_attempt) run::write_run_folder(prepared);  // its faults join the others
    if (faults.empty()) run::write_pinned_link(paths.folder, binaries);
  } catch (const Error& error) {
    add_all(faults, error);
  }
  const slurm::Forecast forecast =
      faults.empty() ? foreseen(prepared, partitions, queries, control, faults) : slurm::Forecast{};
  faults.throw_if_any();
  const std::string id = submitted(prepared, control, undo);
  if (then.json)
    report_json(prepared, id, forecast);
  else
    report(prepared, id, forecast);
  std::fflush(stdout);
  return then.wait ? wait_for_job(paths.folder, id, queries, then.look_s) : 0;
}

namespace {

struct SubmitOptions : run::StartOptions {
  Afterwards then;
};

}  // namespace

cli::Verb submit_verb() {
  return cli::make_verb<SubmitOptions>(
      {.name = "submit",
       .usage = "JOB --cluster C [--from RUN[@STEP]] [--run-dir DIR] [--set key=value]... | --run-dir DIR",
       .summary = "checks everything, writes the run folder, submits with sbatch",
       .example = "muster submit my-job.toml --cluster dgx-h100",
       .max_words = 1,
       .prints_its_answer = false},
      [](cli::Flags& flags, SubmitOptions& options) {
        options.verb = "submit";
        run::add_start_flags(flags, options);
        run::add_from_flag(flags, options);
        run::add_try_flag(flags, options);
        run::add_attempt_flags(flags, options);
        flags.add("wait", "wait for the end of the job and end with the run's exit code", options.then.wait);
        cli::add_json_flag(flags, options.then.json);
        cli::add_user_flags(flags, options.user_settings);
      },
      [](const SubmitOptions& options) {
        if (options.words.empty() && !options.new_binaries) run::become_pinned(options.run_dir);
        return submit(options, *slurm::make_queries(), *slurm::make_control(), options.then);
      });
}

}  // namespace muster::submit
