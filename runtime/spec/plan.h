// THE CONTRACT. plan.toml is decided at submission and fully resolved; placement.toml is decided by the supervisor when
// the nodes are known. The runtime obeys them and fills in nothing. Both are checked whenever read, whoever wrote them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "runtime/spec/job.h"
#include "runtime/spec/layout.h"
#include "runtime/spec/parameters.h"
#include "runtime/spec/phase_memory.h"

namespace muster::spec {

enum class Role { both, train, generate };  // both: colocated
const char* role_name(Role role);

/// One environment name with where its value comes from ("default", "cluster dgx-h100", "job", "plan").
struct EnvironmentValue {
  std::string name, value, origin;
  bool operator==(const EnvironmentValue&) const = default;
};

/// One rank: its number in the run, its place in its role(s), and where it stands.
struct RankPlan {
  std::int64_t rank = 0;
  Role role = Role::both;
  std::int64_t node_slot = 0;
  std::int64_t local_rank = 0;             // on its node
  std::int64_t device = 0;                 // CUDA device index; meaningless on cpu
  std::optional<std::int64_t> train_rank;  // place within the train role; absent when it only generates
  std::optional<std::int64_t> gen_rank;
  std::vector<int> cpus;                      // affinity; empty: not bound
  std::optional<std::int64_t> memory_node;    // where its host memory should lie; absent: not said
  std::string adapter;                        // the network adapter that is nearest, or ""
  std::vector<EnvironmentValue> environment;  // what only this rank gets, beyond the plan's
  bool operator==(const RankPlan&) const = default;
};

struct Plan {
  std::string muster_version;
  Job job;  // resolved: paths absolute, zeros that mean "derive" kept as asked
  ModelFacts model;
  std::string cluster;          // name of the cluster file
  std::string device = "cpu";   // cpu or cuda
  double peak_tflops = 0;       // dense, of one rank's device in the compute type; 0: not known, and no MFU is written
  double device_memory_gb = 0;  // of one rank's GPU, 10^9 bytes; 0: not known
  std::int64_t kv_pages = 0;    // of the cache on each generating rank; 0: as the job alone says
  std::int64_t num_nodes = 1;
  std::int64_t ranks_per_node = 1;
  std::int64_t segment_nodes =
      0;                    // node slots 0 .. n-1, n .. 2n-1, ... each within one NVLink domain; 0: not asked for
  Degrees train, generate;  // the mesh of each role
  std::vector<RankPlan> ranks;
  std::vector<EnvironmentValue> environment;  // of every rank
  std::filesystem::path run_folder;           // empty in a plan that was only shown
  std::filesystem::path binaries;             // folder of muster-runtime and muster-rank
  std::vector<std::string> warnings;
  bool operator==(const Plan&) const = default;
};

/// Checks that the plan holds together: ranks numbered from 0, each place of each mesh taken once, slots and local
/// ranks consistent with num_nodes and ranks_per_node, degrees equal to the job's. throws: Error::user with every fault
/// and its place.
void check_plan(const Plan& plan, const std::string& where);
/// Memory of a rank of each role: the trainers first. Empty when the model is not known.
std::vector<RankMemory> memory_of(const Plan& plan);
std::string plan_text(const Plan& plan);                             // TOML
Plan parse_plan(const std::string& text, const std::string& where);  // checked
Plan read_plan(const std::filesystem::path& path);                   // checked
std::string plan_json(const Plan& plan);

struct NodePlace {
  std::int64_t slot = 0;
  std::string host, address;
  bool operator==(const NodePlace&) const = default;
};

struct Placement {
  std::int64_t attempt = 0;
  std::string attempt_id;          // random; every record and exit record of the attempt carries it in the epoch file
  std::int64_t port = 0;           // rank 0 of the run listens here, on the address of its node
  std::filesystem::path key_file;  // mode 0600
  std::vector<NodePlace> nodes;    // by slot
  bool operator==(const Placement&) const = default;
};

std::string placement_text(const Placement& placement);
Placement parse_placement(const std::string& text, const std::string& where);
Placement read_placement(const std::filesystem::path& path);
/// Every slot of the plan has its node, once. throws: Error::user.
void check_placement(const Placement& placement, const Plan& plan, const std::string& where);

/// The folder of a run, one naming for all who look into it.
struct RunPaths {
  std::filesystem::path folder;
  std::filesystem::path plan() const { return folder / "plan.toml"; }
  std::filesystem::path batch_script() const { return folder / "batch.sh"; }
  std::filesystem::path epoch() const { return folder / "epoch"; }  // JSON {"attempt": n, "id": "...", "host": "..."}
  std::filesystem::path steps() const { return folder / "steps.jsonl"; }
  std::filesystem::path samples() const { return folder / "samples.jsonl"; }
  std::filesystem::path warmup() const {
    return folder / "warmup.jsonl";
  }  // the supervised start, and the reward measured after it
  std::filesystem::path validation() const { return folder / "validation.jsonl"; }
  std::filesystem::path validation_samples() const { return folder / "validation_samples.jsonl"; }
  std::filesystem::path data() const { return folder / "data"; }  // indexes of the data
  std::filesystem::path final_model() const { return folder / "model"; }
  std::filesystem::path checkpoints() const { return folder / "checkpoints"; }
  std::filesystem::path attempt(std::int64_t n) const { return folder / ("attempt_" + std::to_string(n)); }
  std::filesystem::path placement(std::int64_t n) const { return attempt(n) / "placement.toml"; }
  std::filesystem::path verdict(std::int64_t n) const { return attempt(n) / "verdict.json"; }  // supervise's last word
  std::filesystem::path rank_log(std::int64_t n, std::int64_t rank) const {
    return attempt(n) / ("rank_" + std::to_string(rank) + ".log");
  }
  std::filesystem::path rank_exit(std::int64_t n, std::int64_t rank) const {
    return attempt(n) / ("rank_" + std::to_string(rank) + ".exit");
  }
  std::filesystem::path node_log(std::int64_t n, std::int64_t slot) const {
    return attempt(n) / ("node_" + std::to_string(slot) + ".log");
  }
  std::filesystem::path node_wanted() const { return folder / "node_wanted.json"; }  // what preflight looks for
  std::filesystem::path preflight_page() const { return folder / "preflight.txt"; }  // and what it found last
  std::filesystem::path not_begun() const { return folder / "not_begun.txt"; }  // why the newest job began no attempt
  std::filesystem::path stacks_request(std::int64_t n) const { return attempt(n) / "stacks.request"; }
  std::filesystem::path node_stacks(std::int64_t n, std::int64_t slot) const {
    return attempt(n) / ("node_" + std::to_string(slot) + ".stacks");
  }
};

/// rank_<r>.exit, written by the node agent from waitpid: one JSON object.
struct ExitRecord {
  std::int64_t rank = 0;
  std::string host;
  std::string attempt_id;
  int code = 0;
  int signal = 0;
  bool ended_by_agent = false;  // stopped because another rank failed, or on a signal of the person
  bool silent = false;          // ended because its beat stopped
  std::int64_t peak_memory_bytes = 0;
  double cpu_s = 0;
  std::string phase;      // last phase
  std::string last_call;  // last collective: "train.dp all_reduce #12 grads"
  std::string message;    // last error text of the rank, one line
  bool operator==(const ExitRecord&) const = default;
};
std::string exit_record_json(const ExitRecord& record);
ExitRecord parse_exit_record(const std::string& text, const std::string& where);
/// The one sentence that names rank, host, phase and last collective.
std::string exit_sentence(const ExitRecord& record);

}  // namespace muster::spec
