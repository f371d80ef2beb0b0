#include "launcher/cluster/user_settings.h"

#include <cstdlib>

#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/visitors.h"

namespace muster::cluster {
namespace fs = std::filesystem;
using base::text;

namespace {

template <class Visitor, class W>
void describe_settings(Visitor& v, W& settings) {
  using spec::kAny;
  v.key("account", settings.account, kAny, "", "whom Slurm charges");
  v.key("partition", settings.partition, kAny, "", "of the nodes");
  v.key("qos", settings.qos, kAny, "", "quality of service");
  v.key("reservation", settings.reservation, kAny, "", "name of a reservation");
  v.key("nodelist", settings.nodelist, kAny, "", "hosts that the job must have");
  v.key("exclude", settings.exclude, kAny, "", "hosts that it must not have");
  v.key("comment", settings.comment, kAny, "", "a word for Slurm's records");
  v.key("time_limit_min", settings.time_limit_min, spec::within(1, 1e6), "min", "of the job");
  v.key("run_root", settings.run_root, kAny, "", "folder in which runs get their folders; from the root or from ~/");
  v.key("sbatch_flags", settings.sbatch_flags, kAny, "", "more flags of sbatch, added to those of the cluster file");
}

/// Reads one table of the file over what is there.
void read_settings(spec::TomlReader& reader, UserSettings& settings) {
  spec::ReadVisitor visitor(reader, &settings.places);
  describe_settings(visitor, settings);
  if (!settings.run_root.empty() && !settings.run_root.starts_with('/') && !settings.run_root.starts_with("~/"))
    reader.faults().add({.what = text("run_root = \"", settings.run_root, "\" depends on where it is read"),
                         .where = settings.places.of("run_root"),
                         .fix = "begin with / or ~/"});
}

const char* home() {
  const char* folder = std::getenv("HOME");
  return folder == nullptr ? "" : folder;
}

std::string whole_path(const std::string& path) {
  if (path.starts_with("~/")) return home() + path.substr(1);
  return fs::absolute(path).lexically_normal().string();
}

void apply(const UserSettings& settings, Cluster& cluster) {
  const auto take = [&](const std::string& key, const auto& value, auto& target) {
    if (!settings.places.keys.contains(key)) return;
    target = value;
    cluster.places.keys["slurm." + key] = settings.places.of(key);
  };
  SlurmFacts& slurm = cluster.slurm;
  take("account", settings.account, slurm.account);
  take("partition", settings.partition, slurm.partition);
  take("qos", settings.qos, slurm.qos);
  take("reservation", settings.reservation, slurm.reservation);
  take("nodelist", settings.nodelist, slurm.nodelist);
  take("exclude", settings.exclude, slurm.exclude);
  take("comment", settings.comment, slurm.comment);
  take("time_limit_min", settings.time_limit_min, slurm.time_limit_min);
  if (settings.places.keys.contains("run_root")) {
    cluster.run_root = whole_path(settings.run_root);
    cluster.places.keys["run_root"] = settings.places.of("run_root");
  }
  if (!settings.sbatch_flags.empty()) {
    std::string& place = cluster.places.keys["slurm.sbatch_flags"];
    place += (place.empty() ? "" : " + ") + settings.places.of("sbatch_flags");
    slurm.sbatch_flags.insert(slurm.sbatch_flags.end(), settings.sbatch_flags.begin(), settings.sbatch_flags.end());
  }
}

/// The flags that were given though the cluster has no Slurm.
void check_flags(const UserSettings& flags, const Cluster& cluster) {
  if (cluster.has_slurm) return;
  base::Faults faults;
  for (const auto& [key, place] : flags.places.keys)
    if (key != "run_root")
      faults.add({.what = text(place, " has no effect: the file of cluster ", cluster.name, " says nothing of Slurm"),
                  .where = cluster.places.file,
                  .fix = "take it out, or choose another cluster with --cluster"});
  faults.throw_if_any();
}

}  // namespace

fs::path personal_file() {
  if (const char* folder = std::getenv("XDG_CONFIG_HOME"); folder != nullptr && *folder != '\0')
    return fs::path(folder) / "muster.toml";
  return fs::path(home()) / ".config" / "muster.toml";
}

UserSettings parse_personal(const std::string& content, const std::string& where, const std::string& cluster_name) {
  base::Faults faults;
  spec::TomlReader reader = spec::TomlReader::parse(content, where, faults);
  faults.throw_if_any();
  UserSettings settings;
  settings.places.file = where;
  read_settings(reader, settings);
  spec::TomlReader clusters = reader.table("clusters");
  for (const std::string& name : clusters.keys()) {
    spec::TomlReader table = clusters.table(name);
    UserSettings others;
    others.places.file = where;
    UserSettings& target = name == cluster_name ? settings : others;
    const std::vector<std::string> general = target.sbatch_flags;
    read_settings(table, target);
    if (table.has("sbatch_flags"))
      target.sbatch_flags.insert(target.sbatch_flags.begin(), general.begin(), general.end());
  }
  reader.finish();
  faults.throw_if_any();
  return settings;
}

void apply_user_settings(const UserSettings& flags, Cluster& cluster) {
  const fs::path file = personal_file();
  if (fs::exists(file)) apply(parse_personal(base::read_file(file), file.string(), cluster.name), cluster);
  check_flags(flags, cluster);
  apply(flags, cluster);
}

std::vector<spec::KeyInfo> personal_keys() {
  spec::KeyVisitor visitor;
  const UserSettings defaults;
  describe_settings(visitor, defaults);
  visitor.keys.push_back({.key = "clusters.NAME",
                          .type = "table",
                          .unit = "",
                          .fallback = "",
                          .meaning = "the same keys, for the cluster of that name; they win over those above",
                          .range = ""});
  return visitor.keys;
}

}  // namespace muster::cluster
