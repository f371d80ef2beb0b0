#include "launcher/run/run_folder.h"

#include <algorithm>
#include <cstdlib>

#include "launcher/cli/shared_flags.h"
#include "launcher/health/node_checks.h"
#include "launcher/plan/plan.h"
#include "launcher/render/batch_script.h"
#include "launcher/run/changed_run.h"
#include "launcher/trial/trial.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/hardware.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/base/utf8.h"
#include "runtime/spec/data_files.h"
#include "runtime/spec/data_identity.h"
#include "runtime/spec/memory.h"
#include "runtime/spec/rank_env.h"
#include "runtime/spec/supported.h"

namespace muster::run {
namespace fs = std::filesystem;
using base::text;

namespace {

constexpr std::int64_t kRecords_bytes = 64 << 20;  // logs and records of a long run

fs::path whole_path(const fs::path& path) { return fs::absolute(path).lexically_normal(); }

// The cluster that a plan names, where its file is still there: only the batch script needs it.
cluster::Cluster cluster_of(const std::string& name, const cluster::UserSettings& user_settings) {
  cluster::Cluster cluster{.name = name, .has_slurm = true};
  try {
    cluster = cluster::read_cluster(name.empty() ? "local" : name, cluster::shipped_folder("clusters"));
  } catch (const Error&) {
    // a plan of another place: the script then carries no site's directives
  }
  cluster::apply_user_settings(user_settings, cluster);
  return cluster;
}

// A name that plan, script and logs can carry; found out before anything is written under it.
void check_folder_name(const fs::path& folder, bool for_submit) {
  const std::string name = folder.string();
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  const auto refuse = [&](const std::string& what) {
    std::string shown = base::lossy_utf8(name);
    std::replace_if(shown.begin(), shown.end(), is_control, '?');
    throw Error::user({.what = "a run folder's path may not hold " + what,
                       .where = shown,
                       .fix = "choose another --run-dir or --run-root"});
  };
  if (!base::is_utf8(name)) refuse("bytes that are no UTF-8: the plan is a TOML file");
  if (for_submit) return;  // render::check_names refuses more, and says which
  if (std::any_of(name.begin(), name.end(), is_control)) refuse("a newline or another control character");
  if (name.find('"') != std::string::npos) refuse("a quote: its batch script could not be written");
}

bool is_set(const std::vector<std::string>& overrides, const std::string& key) {
  return std::any_of(overrides.begin(), overrides.end(),
                     [&](const std::string& one) { return one.starts_with(key + "=") || one.starts_with(key + " "); });
}

Prepared of_job(const StartOptions& options) {
  plan::Request request{.job = options.words[0],
                        .overrides = options.overrides,
                        .user_settings = options.user_settings,
                        .paths_must_exist = true};
  if (options.preflight) request.overrides.push_back("placement.preflight=true");
  request.of_run = options.of_run;
  if (options.of_run) request.cluster = options.of_run->cluster;
  if (!options.cluster.empty()) request.cluster = options.cluster;
  if (!options.run_dir.empty()) request.run_folder = whole_path(options.run_dir);
  plan::Planned planned = plan::make_plan(request);
  if (!is_set(options.overrides, "name")) planned.plan.job.name += options.name_suffix;
  if (planned.plan.run_folder.empty())
    planned.plan.run_folder = default_run_folder(planned.plan.job.name, planned.cluster.run_root);
  if (fs::exists(spec::RunPaths{planned.plan.run_folder}.plan()))
    throw Error::user({.what = "this folder holds a run already",
                       .where = planned.plan.run_folder.string(),
                       .fix = text("another --run-dir for a new run; `muster ", options.verb,
                                   " --run-dir` without a JOB for its next attempt")});
  Prepared prepared{.plan = std::move(planned.plan), .cluster = std::move(planned.cluster)};
  if (!options.of_run)
    prepared.origin = {
        .job_file = whole_path(planned.job_file).string(),
        .cluster = cluster::is_path(options.cluster) ? whole_path(options.cluster).string() : options.cluster,
        .overrides = request.overrides};
  if (!options.from.empty()) {
    prepared.takeover = plan_takeover(find_checkpoint(options.from), prepared.plan);
    prepared.origin.from_run = prepared.takeover->from.paths.folder.string();
    prepared.origin.from_step = prepared.takeover->from.step;
  }
  return prepared;
}

Prepared of_plan_file(const StartOptions& options) {
  Prepared prepared{.plan = spec::read_plan(options.plan_file)};
  prepared.cluster = cluster_of(prepared.plan.cluster, options.user_settings);
  if (!options.run_dir.empty()) prepared.plan.run_folder = whole_path(options.run_dir);
  if (prepared.plan.run_folder.empty())
    prepared.plan.run_folder = default_run_folder(prepared.plan.job.name, prepared.cluster.run_root);
  prepared.is_next_attempt = fs::exists(spec::RunPaths{prepared.plan.run_folder}.plan());
  return prepared;
}

Prepared of_run_folder(const StartOptions& options) {
  const fs::path folder = whole_path(options.run_dir);
  const fs::path file = spec::RunPaths{folder}.plan();
  if (!fs::exists(file))
    throw Error::user({.what = "no run is there: it holds no plan.toml",
                       .where = folder.string(),
                       .fix = text("muster ", options.verb, " JOB --run-dir ", folder.string(), " begins one")});
  Prepared prepared{.plan = spec::read_plan(file), .is_next_attempt = true};
  prepared.plan.run_folder = folder;
  prepared.origin = spec::read_origin(folder).value_or(spec::Origin{});
  if (const std::string edited = edited_job_text(prepared.plan); !edited.empty()) prepared.notes.push_back(edited);
  if (options.overrides.empty() && options.cluster.empty()) {
    prepared.cluster = cluster_of(prepared.plan.cluster, options.user_settings);
    return prepared;
  }
  ChangedRun changed = plan_changed_run(
      prepared.plan,
      {.overrides = options.overrides, .cluster = options.cluster, .user_settings = options.user_settings});
  for (const std::string& change : changed.changes) prepared.notes.push_back("from this attempt on: " + change);
  prepared.plan = std::move(changed.plan);
  prepared.cluster = std::move(changed.cluster);
  prepared.origin.overrides.insert(prepared.origin.overrides.end(), options.overrides.begin(), options.overrides.end());
  if (!options.cluster.empty()) prepared.origin.cluster = prepared.plan.cluster;
  return prepared;
}

Prepared chosen(const StartOptions& options) {
  if (!options.words.empty() && !options.plan_file.empty())
    throw Error::user({.what = "a JOB and --plan exclude each other", .fix = "a plan is run as it is"});
  if (options.new_binaries && (!options.words.empty() || options.run_dir.empty()))
    throw Error::user({.what = "--new-binaries changes those of a run that is there, but this begins one",
                       .fix = text("leave it out, or muster ", options.verb, " --run-dir DIR --new-binaries")});
  if (options.data_changed && (!options.words.empty() || options.run_dir.empty()))
    throw Error::user({.what = "--data-changed is about the data of a run that is there, but this begins one",
                       .fix = text("leave it out, or muster ", options.verb, " --run-dir DIR --data-changed")});
  if (!options.from.empty() && options.words.empty())
    throw Error::user({.what = "--from begins a new run and needs its JOB",
                       .fix = text("muster ", options.verb, " JOB --from ", options.from)});
  if (!options.words.empty()) return of_job(options);
  if (!options.plan_file.empty() && (!options.overrides.empty() || !options.cluster.empty()))
    throw Error::user({.what = "--set and --cluster change the making of a plan, but this one is made already",
                       .fix = "give the JOB again, with a new --run-dir"});
  if (options.plan_file.empty() && options.run_dir.empty())
    throw Error::user(
        {.what = text("muster ", options.verb, " needs a JOB, --plan FILE, or --run-dir DIR of a run that is there"),
         .fix = text("muster ", options.verb, " smollm2-135m-sums")});
  Prepared prepared = options.plan_file.empty() ? of_run_folder(options) : of_plan_file(options);
  if (options.preflight) prepared.plan.job.placement.preflight = true;
  prepared.data_changed = options.data_changed;
  if (options.new_binaries || prepared.plan.binaries.empty() || !fs::exists(prepared.plan.binaries / "muster-runtime"))
    prepared.plan.binaries = base::executable_folder();
  base::Faults faults;
  check_paths(prepared.plan, faults);
  faults.throw_if_any();
  return prepared;
}

}  // namespace

void add_start_flags(cli::Flags& flags, StartOptions& options) {
  cli::add_cluster_flag(flags, options.cluster);
  cli::add_set_flag(flags, options.overrides);
  cli::add_run_dir_flag(flags, options.run_dir);
}

void add_from_flag(cli::Flags& flags, StartOptions& options) {
  flags.add("from", "RUN[@STEP]", "begin with this checkpoint of another run: weights, optimizer, place in the data",
            options.from);
}

void add_try_flag(cli::Flags& flags, StartOptions& options) {
  flags.add("no-try", "do not render the first rows and grade made-up answers before it begins", options.no_try);
}

void add_attempt_flags(cli::Flags& flags, StartOptions& options) {
  flags.add("new-binaries", "with --run-dir alone: from now on these, not those that submit pinned",
            options.new_binaries);
  flags.add("data-changed", "with --run-dir alone: resume though the data is not what it was", options.data_changed);
  flags.add("preflight", "look at every node before the ranks start (placement.preflight)", options.preflight);
}

Prepared prepare(const StartOptions& options) {
  if (!options.run_dir.empty()) check_folder_name(whole_path(options.run_dir), options.verb == "submit");
  Prepared prepared = chosen(options);
  check_folder_name(prepared.plan.run_folder, options.verb == "submit");
  spec::check_supported(prepared.plan, options.words.empty() ? spec::RunPaths{prepared.plan.run_folder}.plan().string()
                                                             : options.words[0]);
  base::Faults faults;
  check_reward_environment(prepared.plan, faults);
  faults.throw_if_any();
  return prepared;
}

std::vector<std::string> try_first(const Prepared& prepared, const StartOptions& options) {
  if (options.no_try || options.words.empty()) return {};
  const std::optional<trial::Trial> trial = trial::try_plan(prepared.plan, true);
  return trial ? trial::warnings_of(*trial) : std::vector<std::string>{};
}

void check_device_here(const spec::Plan& plan) {
  if (plan.device != "cuda" || spec::parse_slurm_env() || !base::gpus().empty()) return;
  // GPUs that lie on no PCI bus of this system, as in a virtual machine of Windows.
  if (base::is_there("/dev/nvidiactl") || base::is_there("/dev/dxg")) return;
  throw Error::user({.what = text("this machine has no GPU, and the plan is for those of cluster ", plan.cluster),
                     .fix = text("muster submit sends it to the nodes of ", plan.cluster,
                                 "; --cluster local is this machine's processor")});
}

std::string memory_shortfall(const spec::Plan& plan, std::int64_t total_bytes) {
  if (plan.device != "cpu" || total_bytes <= 0) return "";
  std::int64_t needed = 0;
  for (const spec::RankMemory& memory : spec::memory_of(plan))
    for (const spec::RankPlan& rank : plan.ranks)
      if (rank.train_rank.has_value() == memory.trains && rank.gen_rank.has_value() == memory.generates)
        needed += memory.largest().device.total();
  if (needed <= total_bytes) return "";
  return text("the ", plan.ranks.size(), plan.ranks.size() == 1 ? " rank needs " : " ranks need ",
              base::bytes_text(needed), " of memory, and this machine has ", base::bytes_text(total_bytes),
              ": the kernel may end them; muster plan says what needs it");
}

std::string memory_shortfall_here(const spec::Plan& plan) {
  if (spec::parse_slurm_env()) return "";
  for (const std::string& line : base::split(base::read_file("/proc/meminfo"), '\n'))
    if (line.starts_with("MemTotal:")) return memory_shortfall(plan, std::atoll(line.c_str() + 9) * 1024);
  return "";
}

namespace {

void take_over(const Takeover& takeover, const spec::Plan& plan) {
  try {
    write_takeover(takeover, plan);
  } catch (...) {
    std::error_code ignored;
    fs::remove(plan.run_folder, ignored);  // where nothing else is in it
    throw;
  }
}

}  // namespace

void write_run_folder(const Prepared& prepared) {
  const spec::RunPaths paths{prepared.plan.run_folder};
  base::make_folder(paths.folder);
  const std::int64_t free = base::free_bytes(paths.folder);
  const std::int64_t needed = needed_bytes(prepared.plan);
  if (free < needed)
    throw Error::user(
        {.what = text("only ", base::bytes_text(free), " free, but the run leaves at least ", base::bytes_text(needed),
                      prepared.plan.job.checkpoint.every > 0     ? " with its checkpoints"
                      : prepared.plan.job.checkpoint.final_model ? " with its final model"
                                                                 : ""),
         .where = paths.folder.string(),
         .fix = "choose another --run-dir, lower checkpoint.keep, or --set checkpoint.final_model=false"});
  if (prepared.data_changed) spec::accept_data_change(paths.folder);
  if (prepared.takeover) take_over(*prepared.takeover, prepared.plan);
  if (prepared.origin != spec::Origin{}) spec::write_origin(paths.folder, prepared.origin);
  base::write_file(paths.plan(), spec::plan_text(prepared.plan));
  if (prepared.plan.job.placement.preflight)
    base::write_file(paths.node_wanted(), health::wanted_text(health::wanted_of(prepared.cluster, "", "")) + "\n");
  base::write_file(paths.batch_script(), batch_script_of(prepared.plan, prepared.cluster), 0755);
}

bool remove_if_nothing_began(const Prepared& prepared, std::int64_t attempt) {
  const fs::path folder = spec::RunPaths{prepared.plan.run_folder}.attempt(attempt);
  if (prepared.is_next_attempt || !fs::is_directory(folder)) return false;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("rank_")) return false;
  std::error_code failed;
  fs::remove_all(prepared.plan.run_folder, failed);
  return !failed;
}

cluster::Cluster with_library_mounts(const spec::Plan& plan, cluster::Cluster cluster) {
  const fs::path libraries = plan.binaries.parent_path() / "lib";
  std::error_code not_there;
  if (cluster.container.kind == cluster::ContainerKind::none || !fs::is_symlink(libraries, not_there)) return cluster;
  const std::string folder = fs::canonical(libraries).string();
  cluster.container.mounts.push_back(folder + ":" + folder);
  return cluster;
}

std::string batch_script_of(const spec::Plan& plan, const cluster::Cluster& cluster) {
  const std::string shape = base::read_file(cluster::shipped_folder("templates") / "batch.sh.in");
  return render::batch_script(shape, plan, with_library_mounts(plan, cluster), plan.binaries / "muster");
}

void check_paths(const spec::Plan& plan, base::Faults& faults) {
  const std::string where = plan.run_folder.empty() ? "plan" : spec::RunPaths{plan.run_folder}.plan().string();
  if (!plan.job.model.path.empty() && !base::is_there(plan.job.model.path))
    faults.add({.what = text("model.path: there is no folder ", plan.job.model.path),
                .where = where,
                .fix = "make or copy the model folder; tools/quickstart makes that of the shipped job"});
  for (const spec::DataSource& source : spec::data_sources(plan.job.data))
    if (!source.path.starts_with("builtin:") && !spec::is_data_there(source.path))
      faults.add({.what = text("data: there is no file ", source.path), .where = where});
}

void check_reward_environment(const spec::Plan& plan, base::Faults& faults) {
  for (const std::string& name : plan.job.reward.environment)
    if (std::getenv(name.c_str()) == nullptr)
      faults.add({.what = text(name, " is not set here, but the reward program is to get it"),
                  .where = "reward.environment",
                  .fix = "export it before you start the run, or take its name out of the list"});
}

std::int64_t needed_bytes(const spec::Plan& plan) {
  const spec::CheckpointJob& job = plan.job.checkpoint;
  const std::int64_t model = spec::parameter_count(plan.model) * spec::bytes_per_element(plan.job.model.dtype);
  // The newest ones and the one that is being written: fp32 main weights and two moments of every parameter.
  const std::int64_t kept = job.every > 0 ? std::min(job.keep + 1, plan.job.grpo.steps / job.every) : 0;
  const std::int64_t checkpoint = spec::parameter_count(plan.model) * 12 + (job.model_folder ? model : 0);
  return kRecords_bytes + kept * checkpoint + (job.final_model ? model : 0);
}

fs::path default_run_folder(const std::string& job_name, const std::string& root) {
  std::string name = job_name;
  for (char& c : name)
    if (c == '/' || c == ' ') c = '-';
  const fs::path wanted =
      whole_path(fs::path(root.empty() ? "runs" : root) / text(name, '-', base::wall_clock_stamp()));
  fs::path folder = wanted;
  for (int i = 2; fs::exists(folder); ++i) folder = text(wanted.string(), '-', i);
  return folder;
}

}  // namespace muster::run
