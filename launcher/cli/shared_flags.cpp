// The flags that several verbs have, and those of the user's settings of Slurm.
#include "launcher/cli/shared_flags.h"

#include "runtime/base/error.h"

namespace muster::cli {

namespace {

/// A setting of the user's, with the place that a fault names.
void add_user_flag(Flags& flags, cluster::UserSettings& settings, const std::string& name, const std::string& value,
                   const std::string& meaning, const std::string& key, std::string& field) {
  flags.add(name, value, meaning, [&settings, &field, name, key](const std::string& typed) {
    field = typed;
    if (!typed.empty()) settings.places.keys[key] = "--" + name;
  });
}

void take_time_limit(cluster::UserSettings& settings, const std::string& typed) {
  if (typed.empty()) return;
  settings.time_limit_min = whole_number("time-limit-min", typed);
  if (settings.time_limit_min < 1) throw Error::user({.what = "--time-limit-min 0", .fix = "at least a minute"});
  settings.places.keys["time_limit_min"] = "--time-limit-min";
}

void take_sbatch_flags(cluster::UserSettings& settings, const std::vector<std::string>& typed) {
  for (const std::string& flag : typed)
    if (!flag.starts_with('-'))
      throw Error::user(
          {.what = "--sbatch-flag " + flag, .fix = "write the flag as sbatch takes it: --sbatch-flag=--nice=100"});
  settings.sbatch_flags = typed;
  settings.places.keys["sbatch_flags"] = "--sbatch-flag";
}

}  // namespace

void add_cluster_flag(Flags& flags, std::string& cluster) {
  flags.add("cluster,c", "C", "a shipped cluster or the path of a cluster file (default: local)", cluster);
}

void add_set_flag(Flags& flags, std::vector<std::string>& overrides) {
  flags.add("set", "key=value", "override one key of the job, as often as you like", overrides);
}

void add_run_dir_flag(Flags& flags, std::filesystem::path& run_dir) {
  flags.add("run-dir", "DIR", "the run folder (default: runs/<job>-<time>)", run_dir);
}

void add_json_flag(Flags& flags, bool& json) { flags.add("json", "print JSON", json); }

void add_partition_flag(Flags& flags, cluster::UserSettings& settings) {
  add_user_flag(flags, settings, "partition", "NAME", "of the nodes", "partition", settings.partition);
}

void add_run_root_flag(Flags& flags, cluster::UserSettings& settings) {
  add_user_flag(flags, settings, "run-root", "DIR", "folder in which the run gets its folder (default: runs)",
                "run_root", settings.run_root);
}

void add_user_flags(Flags& flags, cluster::UserSettings& settings) {
  const auto add = [&](const std::string& name, const std::string& value, const std::string& meaning,
                       std::string& field) { add_user_flag(flags, settings, name, value, meaning, name, field); };
  add("account", "NAME", "whom Slurm charges", settings.account);
  add_partition_flag(flags, settings);
  add("qos", "NAME", "quality of service", settings.qos);
  add("reservation", "NAME", "name of a reservation", settings.reservation);
  add("nodelist", "HOSTS", "hosts that the job must have", settings.nodelist);
  add("exclude", "HOSTS", "hosts that it must not have", settings.exclude);
  add("comment", "TEXT", "a word for Slurm's records", settings.comment);
  add_run_root_flag(flags, settings);
  flags.add("time-limit-min", "MIN", "of the job, in minutes",
            [&settings](const std::string& typed) { take_time_limit(settings, typed); });
  flags.add_list("sbatch-flag", "FLAG", "one more flag of sbatch, as often as you like",
                 [&settings](const std::vector<std::string>& typed) { take_sbatch_flags(settings, typed); });
}

}  // namespace muster::cli
