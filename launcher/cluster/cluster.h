// What a machine park is: one cluster TOML as a plain struct with its defaults, read strictly. Where a value needs a
// word why it is so (environment), the file gives the reason and `plan` prints it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/spec/toml_reader.h"

namespace muster::cluster {

/// How GPUs are asked for: --gpus-per-node=N, --gres=gpu[:kind]:N, or not at all (whole nodes, sites without GRES).
enum class GpuRequest { none, gpus_per_node, gres };

struct GpuFacts {
  std::string kind;  // "h100"; also the type in --gres
  double memory_gb = 0;
  double bf16_tflops = 0;  // dense peak of one GPU; 0: not known, no MFU
  double fp8_tflops = 0;
};

struct SlurmFacts {
  std::string partition, account, qos, reservation;
  std::int64_t time_limit_min = 240;
  GpuRequest gpu_request = GpuRequest::none;
  bool exclusive = true;
  std::vector<std::string> sbatch_flags;  // as sbatch takes them
  std::vector<std::string> srun_flags;    // of the step that starts the node agents
};

/// One name of every rank's environment, and why this cluster sets it.
struct EnvironmentEntry {
  std::string name, value, reason;
};

struct Cluster {
  std::string name;                 // of the file
  std::string device = "cpu";       // cpu or cuda
  std::int64_t nodes = 1;           // node slots that one run may have
  std::int64_t ranks_per_node = 1;  // most ranks of one node; on cuda its GPUs
  std::string interface;            // of the network between ranks; empty: what the libraries choose
  std::vector<std::string> cpus;    // by local rank: "0-13,112-125"; empty: not bound
  std::vector<std::string> setup;   // lines of the batch script before the launcher takes over
  GpuFacts gpu;
  bool has_slurm = false;  // the file has a table [slurm]
  SlurmFacts slurm;
  std::vector<EnvironmentEntry> environment;
};

/// `name_or_path`: a path (it holds a '/' or ends in .toml) or the name of a file in `clusters_folder`.
/// throws: Error::user with every fault of the file, or the nearest name.
Cluster read_cluster(const std::string& name_or_path, const std::filesystem::path& clusters_folder);
Cluster parse_cluster(const std::string& text, const std::string& where, const std::string& name);
/// "0-2,7" -> 0 1 2 7. Adds a fault when it is no such list.
std::vector<int> parse_cpus(const std::string& list, const std::string& where, base::Faults& faults);

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
