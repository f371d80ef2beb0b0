// A whole Slurm of a test's own (tests/support/slurm_lab.sh): real munged, slurmctld and slurmd with fake GPUs.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace muster::tests {

struct SlurmLabOptions {
  int nodes = 4;
  int gpus_per_node = 8;
  bool counts_memory = false;  // CR_Core_Memory: jobs and steps get the memory they ask for, at most
};

/// Nodes are node0, node1, ...; partitions are `batch` and `short` (5 minutes, 2 nodes at most). While the object
/// lives, SLURM_CONF names this lab and no other SLURM_* or SBATCH_* variable is set; one lab at a time in a process,
/// any number on a machine. It is stopped by the destructor, and by a watcher of its own when this process dies. Its
/// folder is removed unless a test has failed.
class SlurmLab {
 public:
  /// Ready when it returns: every node is idle. throws: Error::cluster with the last lines of the logs.
  explicit SlurmLab(SlurmLabOptions options = {});
  ~SlurmLab();
  SlurmLab(const SlurmLab&) = delete;
  SlurmLab& operator=(const SlurmLab&) = delete;

  /// Are the daemons and commands installed?
  static bool available();

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path config() const { return folder_ / "slurm.conf"; }

  /// SIGKILL to one node's slurmd; what runs on the node goes on. The controller notices after SlurmdTimeout (10 s) and
  /// a ping.
  void kill_slurmd(int node) { call({"kill-slurmd", folder_.string(), std::to_string(node)}); }
  void start_slurmd(int node) { call({"start-slurmd", folder_.string(), std::to_string(node)}); }
  void kill_slurmctld() { call({"kill-slurmctld", folder_.string()}); }
  void start_slurmctld() { call({"start-slurmctld", folder_.string()}); }

 private:
  void call(std::vector<std::string> arguments) const;
  void take_environment();
  void give_environment_back();

  std::filesystem::path folder_;
  std::vector<std::pair<std::string, std::string>> environment_;  // the variables that were set before
};

}  // namespace muster::tests
