#include "launcher/cluster/wishes.h"

#include <cstdlib>

#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/visitors.h"

namespace muster::cluster {
namespace fs = std::filesystem;
using base::text;

namespace {

template <class Visitor, class W>
void describe_wishes(Visitor& v, W& wishes) {
  using spec::kAny;
  v.key("account", wishes.account, kAny, "", "whom Slurm charges");
  v.key("partition", wishes.partition, kAny, "", "of the nodes");
  v.key("qos", wishes.qos, kAny, "", "quality of service");
  v.key("reservation", wishes.reservation, kAny, "", "name of a reservation");
  v.key("nodelist", wishes.nodelist, kAny, "", "hosts that the job must have");
  v.key("exclude", wishes.exclude, kAny, "", "hosts that it must not have");
  v.key("comment", wishes.comment, kAny, "", "a word for Slurm's records");
  v.key("time_limit_min", wishes.time_limit_min, spec::within(1, 1e6), "min", "of the job");
  v.key("run_root", wishes.run_root, kAny, "", "folder in which runs get their folders; from the root or from ~/");
  v.key("sbatch_flags", wishes.sbatch_flags, kAny, "", "more flags of sbatch, added to those of the cluster file");
}

/// Reads one table of the file over what is there.
void read_wishes(spec::TomlReader& reader, Wishes& wishes) {
  spec::ReadVisitor visitor(reader, &wishes.places);
  describe_wishes(visitor, wishes);
  if (!wishes.run_root.empty() && !wishes.run_root.starts_with('/') && !wishes.run_root.starts_with("~/"))
    reader.faults().add({.what = text("run_root = \"", wishes.run_root, "\" depends on where it is read"),
                         .where = wishes.places.of("run_root"),
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

void apply(const Wishes& wishes, Cluster& cluster) {
  const auto take = [&](const std::string& key, const auto& value, auto& target) {
    if (!wishes.places.keys.contains(key)) return;
    target = value;
    cluster.places.keys["slurm." + key] = wishes.places.of(key);
  };
  SlurmFacts& slurm = cluster.slurm;
  take("account", wishes.account, slurm.account);
  take("partition", wishes.partition, slurm.partition);
  take("qos", wishes.qos, slurm.qos);
  take("reservation", wishes.reservation, slurm.reservation);
  take("nodelist", wishes.nodelist, slurm.nodelist);
  take("exclude", wishes.exclude, slurm.exclude);
  take("comment", wishes.comment, slurm.comment);
  take("time_limit_min", wishes.time_limit_min, slurm.time_limit_min);
  if (wishes.places.keys.contains("run_root")) {
    cluster.run_root = whole_path(wishes.run_root);
    cluster.places.keys["run_root"] = wishes.places.of("run_root");
  }
  if (!wishes.sbatch_flags.empty()) {
    std::string& place = cluster.places.keys["slurm.sbatch_flags"];
    place += (place.empty() ? "" : " + ") + wishes.places.of("sbatch_flags");
    slurm.sbatch_flags.insert(slurm.sbatch_flags.end(), wishes.sbatch_flags.begin(), wishes.sbatch_flags.end());
  }
}

/// The flags that were given though the cluster has no Slurm.
void check_flags(const Wishes& flags, const Cluster& cluster) {
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

Wishes parse_personal(const std::string& content, const std::string& where, const std::string& cluster_name) {
  base::Faults faults;
  spec::TomlReader reader = spec::TomlReader::parse(content, where, faults);
  faults.throw_if_any();
  Wishes wishes;
  wishes.places.file = where;
  read_wishes(reader, wishes);
  spec::TomlReader clusters = reader.table("clusters");
  for (const std::string& name : clusters.keys()) {
    spec::TomlReader table = clusters.table(name);
    Wishes others;
    others.places.file = where;
    Wishes& target = name == cluster_name ? wishes : others;
    const std::vector<std::string> general = target.sbatch_flags;
    read_wishes(table, target);
    if (table.has("sbatch_flags"))
      target.sbatch_flags.insert(target.sbatch_flags.begin(), general.begin(), general.end());
  }
  reader.finish();
  faults.throw_if_any();
  return wishes;
}

void take_wishes(const Wishes& flags, Cluster& cluster) {
  const fs::path file = personal_file();
  if (fs::exists(file)) apply(parse_personal(base::read_file(file), file.string(), cluster.name), cluster);
  check_flags(flags, cluster);
  apply(flags, cluster);
}

std::vector<spec::KeyInfo> personal_keys() {
  spec::KeyVisitor visitor;
  const Wishes defaults;
  describe_wishes(visitor, defaults);
  visitor.keys.push_back({.key = "clusters.NAME",
                          .type = "table",
                          .unit = "",
                          .fallback = "",
                          .meaning = "the same keys, for the cluster of that name; they win over those above",
                          .range = ""});
  return visitor.keys;
}

}  // namespace muster::cluster
