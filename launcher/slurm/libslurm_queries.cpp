// Queries by libslurm. Its ABI and parts of its source change with each release, so this is a plugin of its own,
// compiled where it is used; what moved between 22.05 and 26.05 is bridged in namespace `release`.
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>

#include <cerrno>
#include <memory>

#include "launcher/slurm/configuration.h"
#include "launcher/slurm/queries.h"
#include "launcher/slurm/scontrol_text.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

// Exported by every release but in no public header; where one is gone the number is shown instead.
extern "C" {
[[gnu::weak]] char* slurm_job_reason_string(int reason);
[[gnu::weak]] char* slurm_node_state_string(std::uint32_t state);
}

namespace muster::slurm {
namespace release {

// Up to 24.05 the library keeps an error number of its own.
int last_error() {
#if SLURM_VERSION_NUMBER < SLURM_VERSION_NUM(24, 11, 0)
  return slurm_get_errno();
#else
  return errno;
#endif
}

#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(26, 5, 0)
slurm_step_id_t job_number(std::uint32_t id) {
  slurm_step_id_t step = SLURM_STEP_ID_INITIALIZER;
  step.job_id = id;
  return step;
}
#else
std::uint32_t job_number(std::uint32_t id) { return id; }
#endif

std::uint32_t id_of(const slurm_job_info_t& job) {
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(26, 5, 0)
  return job.step_id.job_id;
#else
  return job.job_id;
#endif
}

}  // namespace release

namespace {

template <class Message, void (*Free)(Message*)>
struct Freer {
  void operator()(Message* message) const { Free(message); }
};
using JobMessage = std::unique_ptr<job_info_msg_t, Freer<job_info_msg_t, slurm_free_job_info_msg>>;
using NodeMessage = std::unique_ptr<node_info_msg_t, Freer<node_info_msg_t, slurm_free_node_info_msg>>;
using PartitionMessage =
    std::unique_ptr<partition_info_msg_t, Freer<partition_info_msg_t, slurm_free_partition_info_msg>>;

std::string text_of(const char* text) { return text == nullptr ? "" : text; }
std::int64_t limit_of(std::uint32_t value, std::int64_t factor) {
  return value == INFINITE || value == NO_VAL ? kUnlimited : static_cast<std::int64_t>(value) * factor;
}

// MiB; a limit for each CPU (the flag is set) is no limit of a node that we could name.
std::int64_t memory_limit(std::uint64_t value) {
  return value == 0 || (value & MEM_PER_CPU) != 0 || value == INFINITE64 || value == NO_VAL64
             ? kUnlimited
             : static_cast<std::int64_t>(value);
}

[[noreturn]] void fail(const char* call) {
  throw Error::cluster({.what = base::text("libslurm: ", call, " failed: ", slurm_strerror(release::last_error()))});
}

std::string job_state_name(std::uint32_t state) {
  if ((state & JOB_COMPLETING) != 0) return "COMPLETING";
  if ((state & JOB_CONFIGURING) != 0) return "CONFIGURING";
  switch (state & JOB_STATE_BASE) {
    case JOB_PENDING:
      return "PENDING";
    case JOB_RUNNING:
      return "RUNNING";
    case JOB_SUSPENDED:
      return "SUSPENDED";
    case JOB_COMPLETE:
      return "COMPLETED";
    case JOB_CANCELLED:
      return "CANCELLED";
    case JOB_FAILED:
      return "FAILED";
    case JOB_TIMEOUT:
      return "TIMEOUT";
    case JOB_NODE_FAIL:
      return "NODE_FAIL";
    case JOB_PREEMPTED:
      return "PREEMPTED";
    case JOB_BOOT_FAIL:
      return "BOOT_FAIL";
    case JOB_DEADLINE:
      return "DEADLINE";
    case JOB_OOM:
      return "OUT_OF_MEMORY";
    default:
      return base::text("state ", state);
  }
}

std::string reason_name(int reason) {
  if (reason == 0) return "";
  return slurm_job_reason_string != nullptr ? text_of(slurm_job_reason_string(reason)) : base::text("reason ", reason);
}

std::string node_state_name(std::uint32_t state) {
  return slurm_node_state_string != nullptr ? text_of(slurm_node_state_string(state)) : base::text("state ", state);
}

class LibslurmQueries : public Queries {
 public:
  const char* form() const override { return "libslurm"; }

  // slurm_ping is the one call that does not wait for an absent controller.
  void ping() override {
    begin();
    if (const int code = slurm_ping(0); code != 0)
      throw controller_away(slurm_strerror(code > 0 ? code : release::last_error()));
  }

  std::vector<PartitionFacts> partitions() override {
    ping();
    partition_info_msg_t* loaded = nullptr;
    if (slurm_load_partitions(0, &loaded, SHOW_ALL) != 0) fail("slurm_load_partitions");
    const PartitionMessage message(loaded);
    std::vector<PartitionFacts> partitions;
    for (std::uint32_t i = 0; i < message->record_count; ++i) {
      const partition_info_t& partition = message->partition_array[i];
      partitions.push_back({.name = text_of(partition.name),
                            .is_default = (partition.flags & PART_FLAG_DEFAULT) != 0,
                            .is_up = partition.state_up == PARTITION_UP,
                            .max_time_s = limit_of(partition.max_time, 60),
                            .max_nodes = limit_of(partition.max_nodes, 1),
                            .total_nodes = partition.total_nodes,
                            .max_memory_mb = memory_limit(partition.max_mem_per_cpu),
                            .nodes = text_of(partition.nodes)});
    }
    return partitions;
  }

  std::vector<NodeFacts> nodes(const std::vector<std::string>& names) override {
    ping();
    std::vector<NodeFacts> nodes;
    node_info_msg_t* loaded = nullptr;
    if (slurm_load_node(0, &loaded, SHOW_ALL) != 0) fail("slurm_load_node");
    const NodeMessage message(loaded);
    for (const std::string& name : names) {
      const node_info_t* found = nullptr;
      for (std::uint32_t i = 0; i < message->record_count; ++i)
        if (text_of(message->node_array[i].name) == name) found = &message->node_array[i];
      if (found == nullptr) throw Error::cluster({.what = base::text("Slurm knows no node '", name, "'")});
      nodes.push_back({.name = name,
                       .address = text_of(found->node_addr),
                       .state = node_state_name(found->node_state),
                       .host = text_of(found->node_hostname),
                       .gres = text_of(found->gres),
                       .features = text_of(found->features),
                       .memory_mb = static_cast<std::int64_t>(found->real_memory)});
    }
    return nodes;
  }

  std::vector<BlockFacts> blocks() override { return shown_blocks(); }

  std::optional<JobFacts> job(const std::string& id) override {
    ping();
    if (id.empty() || id.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
    job_info_msg_t* loaded = nullptr;
    if (slurm_load_job(&loaded, release::job_number(static_cast<std::uint32_t>(std::stoul(id))), SHOW_DETAIL) != 0) {
      if (release::last_error() == ESLURM_INVALID_JOB_ID) return std::nullopt;
      fail("slurm_load_job");
    }
    const JobMessage message(loaded);
    if (message->record_count == 0) return std::nullopt;
    const slurm_job_info_t& job = message->job_array[0];
    return JobFacts{.id = std::to_string(release::id_of(job)),
                    .name = text_of(job.name),
                    .state = job_state_name(job.job_state),
                    .reason = reason_name(static_cast<int>(job.state_reason)),
                    .nodes = text_of(job.nodes),
                    .start_s = job.start_time,
                    .end_s = job.end_time,
                    .time_limit_s = limit_of(job.time_limit, 60),
                    .restarts = static_cast<std::int64_t>(job.restart_cnt),
                    .exit_code = base::text(job.exit_code >> 8, ':', job.exit_code & 0x7f)};
  }

 private:
  // Without a configuration slurm_init would end this process.
  void begin() {
    if (begun_) return;
    check_configuration();
    slurm_init(nullptr);
    begun_ = true;
  }
  bool begun_ = false;
};

}  // namespace
}  // namespace muster::slurm

extern "C" muster::slurm::Queries* muster_slurm_queries() { return new muster::slurm::LibslurmQueries(); }
