// What belongs to neither a job nor a cluster: who asks Slurm, for how long, and where runs go. From the personal file
// and from flags; flags win over the personal file, and that wins over the cluster file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "launcher/cluster/cluster.h"

namespace muster::cluster {

struct UserSettings {
  std::string account, partition, qos, reservation, nodelist, exclude, comment;
  std::int64_t time_limit_min = 0;
  std::string run_root;                   // folder in which runs get their folders
  std::vector<std::string> sbatch_flags;  // added to those of the cluster file
  spec::KeyPlaces places;                 // of what was given; the rest is not given
};

/// $XDG_CONFIG_HOME/muster.toml, else ~/.config/muster.toml; it need not be there.
std::filesystem::path personal_file();

/// The keys of UserSettings for every cluster, and below [clusters.NAME] for the one of that name.
/// throws: Error::user with every fault of the file, those of other clusters' tables too.
UserSettings parse_personal(const std::string& text, const std::string& where, const std::string& cluster_name);

/// The personal file, where there is one, and then `flags` change the cluster; its `places` learn who said what.
/// throws: Error::user; also for a flag of Slurm's on a cluster whose file says nothing of Slurm.
void apply_user_settings(const UserSettings& flags, Cluster& cluster);

/// Every key of the personal file.
std::vector<spec::KeyInfo> personal_keys();

}  // namespace muster::cluster
