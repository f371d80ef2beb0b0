// What we ask Slurm, behind one interface with two forms: the libslurm plugin where it was built and a controller's
// configuration is readable, and Slurm's commands everywhere else. A fake stands behind it in tests.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace muster::slurm {

constexpr std::int64_t kUnlimited = -1;

struct PartitionFacts {
  std::string name;
  bool is_default = false, is_up = true;
  std::int64_t max_time_s = kUnlimited;
  std::int64_t max_nodes = kUnlimited;  // of one job
  std::int64_t total_nodes = 0;
  std::int64_t max_memory_mb = kUnlimited;  // MiB of one job on a node
  bool operator==(const PartitionFacts&) const = default;
};

struct NodeFacts {
  std::string name, address, state;
  bool operator==(const NodeFacts&) const = default;
};

struct JobFacts {
  std::string id, name, state, reason, nodes;  // nodes: compressed; empty while it waits
  std::int64_t start_s = 0, end_s = 0;         // Unix time; 0: not known. For a waiting job the expected start
  std::int64_t time_limit_s = kUnlimited;
  std::int64_t restarts = 0;
  std::string exit_code;  // "0:0"
  bool is_over() const;
};

class Queries {
 public:
  virtual ~Queries() = default;
  virtual const char* form() const = 0;  // "libslurm" or "commands"
  /// Answers within about a second. throws: Error::cluster when no configuration or no controller is there.
  virtual void ping() = 0;
  virtual std::vector<PartitionFacts> partitions() = 0;
  /// throws: Error::cluster for a node that Slurm does not know.
  virtual std::vector<NodeFacts> nodes(const std::vector<std::string>& names) = 0;
  /// None when Slurm does not know the job (never did, or does no more).
  virtual std::optional<JobFacts> job(const std::string& id) = 0;
};

/// The plugin beside the executable where it opens, else the commands. Asks nothing yet.
std::unique_ptr<Queries> make_queries();
std::unique_ptr<Queries> make_command_queries();
/// None when the plugin is not there or does not fit this machine's Slurm.
std::unique_ptr<Queries> make_plugin_queries();

}  // namespace muster::slurm
