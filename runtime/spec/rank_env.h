// Environment names that the agent gives and a rank reads, one prefix, written and parsed here; SLURM_* is read here
// and nowhere else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace muster::spec {

/// What a rank is told by its agent; everything else stands in the plan and the placement.
struct RankEnv {
  std::int64_t rank = 0;            // MUSTER_RANK
  std::filesystem::path plan;       // MUSTER_PLAN
  std::filesystem::path placement;  // MUSTER_PLACEMENT
  int beat_fd = -1;                 // MUSTER_BEAT_FD
  std::vector<int> reward_fds;      // MUSTER_REWARD_FDS, comma separated
};
std::vector<std::string> rank_env_lines(const RankEnv& env);  // NAME=value
/// throws: Error::user naming the variable.
RankEnv parse_rank_env();

/// Names that a cluster's setup lines set or changed, space separated: the batch script says so, agents hand them on.
inline constexpr const char* kSiteNames = "MUSTER_SITE_NAMES";

/// What Slurm says inside a job; none outside.
struct SlurmEnv {
  std::string job_id;
  std::int64_t restart_count = 0;
  std::string node_list;     // compressed
  std::int64_t node_id = 0;  // of a task
  std::string node_name;     // of the node that asks (SLURMD_NODENAME)
  std::string submit_folder;
};
std::optional<SlurmEnv> parse_slurm_env();

}  // namespace muster::spec
