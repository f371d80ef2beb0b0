// What a machine park is: one cluster TOML as a plain struct with its defaults, read strictly. Where a value needs a
// word why it is so (environment), the file gives the reason and `plan` prints it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "launcher/cluster/node_map.h"
#include "runtime/spec/toml_reader.h"

namespace muster::cluster {

/// How GPUs are asked for: --gpus-per-node=N, --gres=gpu[:kind]:N, or not at all (whole nodes, sites without GRES).
enum class GpuRequest { none, gpus_per_node, gres };
/// Where agent and ranks run; the supervisor is always on the host. pyxis: flags of srun; apptainer: a command before
/// the agent.
enum class ContainerKind { none, pyxis, apptainer };

/// One GPU. Zeros are figures that nobody gave.
struct GpuFacts {
  std::string kind;                                                         // "h100"; also the type in --gres
  double memory_gb = 0;                                                     // 10^9 bytes, as the driver reports it
  double memory_gb_per_s = 0;                                               // bandwidth of its memory
  double fp32_tflops = 0, bf16_tflops = 0, fp8_tflops = 0, fp4_tflops = 0;  // dense peaks; 0: not known, no MFU
  bool operator==(const GpuFacts&) const = default;
};

/// GPUs that reach each other by NVLink: those of a node, or of several (18 nodes of an NVL72 rack).
struct NvlinkFacts {
  double gb_per_s = 0;            // of one GPU, both directions
  std::int64_t domain_nodes = 1;  // nodes of one domain
  bool operator==(const NvlinkFacts&) const = default;
};

struct NetworkFacts {
  double adapter_gbit_per_s = 0;  // of one adapter, one direction
  bool operator==(const NetworkFacts&) const = default;
};

struct ContainerFacts {
  ContainerKind kind = ContainerKind::none;
  std::string image;                // registry or file, as pyxis or apptainer takes it
  std::vector<std::string> mounts;  // SOURCE:TARGET[:OPTIONS]; the run's own folders are added
  std::vector<std::string> flags;   // more flags of pyxis (on srun) or of `apptainer exec`
  bool operator==(const ContainerFacts&) const = default;
};

/// What the scheduler allows in one partition. Zeros: no limit, or not known.
struct PartitionLimits {
  std::string name;
  bool is_default = false;
  std::int64_t nodes = 0;         // that it has
  std::int64_t max_nodes = 0;     // of one job
  std::int64_t max_time_min = 0;  // of one job
  double max_memory_gb = 0;       // of one job on a node
  bool operator==(const PartitionLimits&) const = default;
};

struct SlurmFacts {
  std::string partition, account, qos, reservation;
  std::string nodelist, exclude, comment;  // hosts as Slurm writes them; a word for its records
  std::int64_t time_limit_min = 240;
  GpuRequest gpu_request = GpuRequest::none;
  bool exclusive = true;
  bool segments = false;                  // Slurm has topology/block, so that sbatch takes --segment
  std::vector<std::string> features;      // of the nodes, asked for with --constraint
  std::vector<std::string> sbatch_flags;  // as sbatch takes them
  std::vector<std::string> srun_flags;    // of the step that starts the node agents
  bool operator==(const SlurmFacts&) const = default;
};

/// One name of every rank's environment, and why this cluster sets it.
struct EnvironmentEntry {
  std::string name, value, reason;
  bool operator==(const EnvironmentEntry&) const = default;
};

struct Cluster {
  std::string name;                 // of the file
  std::string device = "cpu";       // cpu or cuda
  std::int64_t nodes = 1;           // node slots that one run may have
  std::int64_t ranks_per_node = 1;  // most ranks of one node; on cuda its GPUs
  double host_memory_gb = 0;        // 10^9 bytes of one node; 0: not known
  std::string interface;            // of the network between ranks; empty: what the libraries choose
  std::string run_root;             // folder in which runs get their folders; empty: runs/ where the command is typed
  std::vector<std::string> setup;   // lines of the batch script before the launcher takes over
  GpuFacts gpu;
  NvlinkFacts nvlink;
  NetworkFacts network;
  ContainerFacts container;
  bool has_slurm = false;  // the file has a table [slurm]
  SlurmFacts slurm;
  std::vector<NumaNode> numa;               // the map of a node; empty: ranks are not bound
  std::vector<PartitionLimits> partitions;  // empty: not known before the cluster is asked
  std::vector<EnvironmentEntry> environment;
  spec::KeyPlaces places;  // where each plain key was given
};

/// `name_or_path`: a path (it holds a '/' or ends in .toml) or the name of a file in `clusters_folder`.
/// throws: Error::user with every fault of the file, or the nearest name.
Cluster read_cluster(const std::string& name_or_path, const std::filesystem::path& clusters_folder);
Cluster parse_cluster(const std::string& text, const std::string& where, const std::string& name);
/// The file that parse_cluster reads back equal, keys that have their defaults left out. `head`: comment lines.
std::string cluster_text(const Cluster& cluster, const std::vector<std::string>& head);

/// Every key of a cluster file, for `muster keys --cluster`.
std::vector<spec::KeyInfo> cluster_keys();

/// A folder of data that lies with the program (`templates`, `clusters`): $MUSTER_TEMPLATES and $MUSTER_CLUSTERS first,
/// then beside the build folder, then <prefix>/share/muster. throws: Error::user when it is nowhere.
std::filesystem::path shipped_folder(const std::string& name);
/// `word` is meant as a path, not as a name.
bool is_path(const std::string& word);
/// The names of the .toml files in a folder, sorted.
std::vector<std::string> names_in(const std::filesystem::path& folder);

}  // namespace muster::cluster
