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
  std::string nodes = "";                   // compressed
  bool operator==(const PartitionFacts&) const = default;
};

struct NodeFacts {
  std::string name, address, state;
  std::string host = "";       // as the node itself says
  std::string gres = "";       // "gpu:h100:8(S:0-1)"
  std::string features = "";   // "gb200,ib"
  std::int64_t memory_mb = 0;  // MiB
  /// Down, drained or not answering: a job waits for it.
  bool is_away() const;
  bool operator==(const NodeFacts&) const = default;
};

/// Nodes that topology/block keeps together: a rack of an NVL72.
struct BlockFacts {
  std::string name, nodes;  // compressed
  std::int64_t size = 0;    // of a base block
  bool operator==(const BlockFacts&) const = default;
};

/// GPUs in a node's gres: kind ("" when none is said) and count.
struct GpuGres {
  std::string kind;
  std::int64_t count = 0;
  bool operator==(const GpuGres&) const = default;
};
GpuGres parse_gpu_gres(const std::string& gres);

struct JobFacts {
  std::string id, name, state, reason, nodes;  // nodes: compressed; empty while it waits
  std::int64_t start_s = 0, end_s = 0;         // Unix time; 0: not known. For a waiting job the expected start
  std::int64_t time_limit_s = kUnlimited;
  std::int64_t restarts = 0;
  std::string exit_code;  // "0:0"
  bool is_over() const;
  bool operator==(const JobFacts&) const = default;
};

class Queries {
 public:
  virtual ~Queries() = default;
  virtual const char* form() const = 0;  // "libslurm 22.05" (for which it was built) or "commands"
  /// Answers within about a second. throws: Error::cluster when no configuration or no controller is there.
  virtual void ping() = 0;
  virtual std::vector<PartitionFacts> partitions() = 0;
  /// Returns them in the order of `names`. throws: Error::cluster for a node that Slurm does not know.
  virtual std::vector<NodeFacts> nodes(const std::vector<std::string>& names) = 0;
  /// Empty without topology/block.
  virtual std::vector<BlockFacts> blocks() = 0;
  /// None when Slurm does not know the job (never did, or does no more).
  virtual std::optional<JobFacts> job(const std::string& id) = 0;
};

/// The plugin beside the executable where it opens, else the commands; the commands also where SLURM_CLUSTERS names
/// another cluster than the configuration's, which libslurm does not heed. Asks nothing yet.
std::unique_ptr<Queries> make_queries();
std::unique_ptr<Queries> make_command_queries();
/// None when the plugin is not there or does not fit this machine's Slurm.
std::unique_ptr<Queries> make_plugin_queries();
/// Returns a sentence for why the plugin that is there does not open: the release for which it was built, and the
/// system's words. "" when it opens, or none was built.
std::string plugin_trouble();

}  // namespace muster::slurm
