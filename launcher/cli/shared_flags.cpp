// The flags that several verbs have, and those of what a user wishes of Slurm.
#include "launcher/cli/shared_flags.h"

#include "runtime/base/error.h"

namespace muster::cli {

namespace {

/// A word of the user's, with the place that a fault names.
void add_wish(Flags& flags, cluster::Wishes& wishes, const std::string& name, const std::string& value,
              const std::string& meaning, const std::string& key, std::string& field) {
  flags.add(name, value, meaning, [&wishes, &field, name, key](const std::string& typed) {
    field = typed;
    if (!typed.empty()) wishes.places.keys[key] = "--" + name;
  });
}

void take_time_limit(cluster::Wishes& wishes, const std::string& typed) {
  if (typed.empty()) return;
  wishes.time_limit_min = whole_number("time-limit-min", typed);
  if (wishes.time_limit_min < 1) throw Error::user({.what = "--time-limit-min 0", .fix = "at least a minute"});
  wishes.places.keys["time_limit_min"] = "--time-limit-min";
}

void take_sbatch_flags(cluster::Wishes& wishes, const std::vector<std::string>& typed) {
  for (const std::string& flag : typed)
    if (!flag.starts_with('-'))
      throw Error::user(
          {.what = "--sbatch-flag " + flag, .fix = "write the flag as sbatch takes it: --sbatch-flag=--nice=100"});
  wishes.sbatch_flags = typed;
  wishes.places.keys["sbatch_flags"] = "--sbatch-flag";
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

void add_partition_flag(Flags& flags, cluster::Wishes& wishes) {
  add_wish(flags, wishes, "partition", "NAME", "of the nodes", "partition", wishes.partition);
}

void add_run_root_flag(Flags& flags, cluster::Wishes& wishes) {
  add_wish(flags, wishes, "run-root", "DIR", "folder in which the run gets its folder (default: runs)", "run_root",
           wishes.run_root);
}

void add_user_flags(Flags& flags, cluster::Wishes& wishes) {
  const auto add = [&](const std::string& name, const std::string& value, const std::string& meaning,
                       std::string& field) { add_wish(flags, wishes, name, value, meaning, name, field); };
  add("account", "NAME", "whom Slurm charges", wishes.account);
  add_partition_flag(flags, wishes);
  add("qos", "NAME", "quality of service", wishes.qos);
  add("reservation", "NAME", "name of a reservation", wishes.reservation);
  add("nodelist", "HOSTS", "hosts that the job must have", wishes.nodelist);
  add("exclude", "HOSTS", "hosts that it must not have", wishes.exclude);
  add("comment", "TEXT", "a word for Slurm's records", wishes.comment);
  add_run_root_flag(flags, wishes);
  flags.add("time-limit-min", "MIN", "of the job, in minutes",
            [&wishes](const std::string& typed) { take_time_limit(wishes, typed); });
  flags.add_list("sbatch-flag", "FLAG", "one more flag of sbatch, as often as you like",
                 [&wishes](const std::vector<std::string>& typed) { take_sbatch_flags(wishes, typed); });
}

}  // namespace muster::cli
