// From what a person typed to a run folder that holds plan.toml and batch.sh: one way for `run` and `submit`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/cli/flags.h"
#include "launcher/cluster/cluster.h"
#include "launcher/cluster/user_settings.h"
#include "launcher/run/from_checkpoint.h"
#include "runtime/spec/origin.h"
#include "runtime/spec/plan.h"

namespace muster::run {

/// What `run`, `submit` and `evaluate` are given alike.
struct StartOptions {
  std::string verb;                // of the three, for messages
  std::vector<std::string> words;  // JOB
  std::string cluster;             // empty: local
  std::vector<std::string> overrides;
  std::filesystem::path run_dir, plan_file;
  std::string from;                    // RUN[@STEP]
  const spec::Plan* of_run = nullptr;  // evaluate: the job of this plan, in the place of JOB
  std::string name_suffix;             // evaluate: after the job's name
  bool no_try = false;
  bool new_binaries = false, data_changed = false, preflight = false;
  cluster::UserSettings user_settings;
};
/// --cluster, --set and --run-dir: of a run that begins.
void add_start_flags(cli::Flags& flags, StartOptions& options);
/// --from: of a run that begins with the checkpoint of another.
void add_from_flag(cli::Flags& flags, StartOptions& options);
/// --no-try: of a run that begins.
void add_try_flag(cli::Flags& flags, StartOptions& options);
/// --new-binaries, --data-changed and --preflight: of a next attempt.
void add_attempt_flags(cli::Flags& flags, StartOptions& options);

struct Prepared {
  spec::Plan plan;  // run_folder and binaries set
  cluster::Cluster cluster;
  bool is_next_attempt = false;      // of a run that is there already
  bool data_changed = false;         // a person accepts that its data is not what it was
  spec::Origin origin;               // kept beside the plan
  std::optional<Takeover> takeover;  // --from
  std::vector<std::string> notes;    // for a person, beside the plan's warnings
};

/// Decides and writes nothing. A JOB with its options; or --plan FILE, as it is; or --run-dir DIR: the plan that lies
/// there, where --set and --cluster change what may change. Model and data must be there.
/// throws: Error::user with every fault.
Prepared prepare(const StartOptions& options);

/// Renders the first rows of a run that begins and has made-up answers graded (trial::try_plan), unless --no-try:
/// what a person should look at. throws: Error::user with what would end the run.
std::vector<std::string> try_first(const Prepared& prepared, const StartOptions& options);
/// throws: Error::user when the plan is for GPUs, the ranks would be started on this machine, and it has none.
void check_device_here(const spec::Plan& plan);

/// A sentence when the ranks of a plan for processors need more than a machine with so much memory has; else "".
std::string memory_shortfall(const spec::Plan& plan, std::int64_t total_bytes);
/// The same for ranks that would be started on this machine.
std::string memory_shortfall_here(const spec::Plan& plan);

/// Makes the folder and writes plan.toml, origin.json and batch.sh, with --from the checkpoint; notes that a person
/// accepts changed data.
/// throws: Error::user when it cannot be written, or has no room for what the run leaves.
void write_run_folder(const Prepared& prepared);
/// Removes the folder of a run that this call began and of which no rank was started: there is nothing in it.
bool remove_if_nothing_began(const Prepared& prepared, std::int64_t attempt);
/// The cluster with mounts of its container for the libraries that pinned binaries are linked to (a bundle's lib).
cluster::Cluster with_library_mounts(const spec::Plan& plan, cluster::Cluster cluster);
/// The batch script of this plan on this cluster.
std::string batch_script_of(const spec::Plan& plan, const cluster::Cluster& cluster);

/// A fault for each path of the job that is not there.
void check_paths(const spec::Plan& plan, base::Faults& faults);
/// A fault for each variable that reward.environment names and this process has not: programs get their values through
/// the environments of supervisor, agent and worker alone.
void check_reward_environment(const spec::Plan& plan, base::Faults& faults);
/// Bytes that the run leaves at least: the final model where it is wanted, and room for records.
std::int64_t needed_bytes(const spec::Plan& plan);

/// "ROOT/<job>-20261123-203107", made absolute; an empty root is runs/ here.
std::filesystem::path default_run_folder(const std::string& job_name, const std::string& root = "");

}  // namespace muster::run
