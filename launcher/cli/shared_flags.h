// Flags that several verbs have with one meaning, written once.
#pragma once

#include "launcher/cli/flags.h"
#include "launcher/cluster/user_settings.h"

namespace muster::cli {

/// -c, --cluster C.
void add_cluster_flag(Flags& flags, std::string& cluster);
/// --set key=value.
void add_set_flag(Flags& flags, std::vector<std::string>& overrides);
/// --run-dir DIR.
void add_run_dir_flag(Flags& flags, std::filesystem::path& run_dir);
/// --json.
void add_json_flag(Flags& flags, bool& json);
/// --partition NAME, of the user's settings.
void add_partition_flag(Flags& flags, cluster::UserSettings& user_settings);
/// --run-root DIR.
void add_run_root_flag(Flags& flags, cluster::UserSettings& user_settings);
/// --account, --partition, ... --sbatch-flag: all that a verb which asks Slurm takes; they win over the personal file.
void add_user_flags(Flags& flags, cluster::UserSettings& user_settings);

}  // namespace muster::cli
