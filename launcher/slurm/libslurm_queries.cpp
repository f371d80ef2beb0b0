// Queries by libslurm. Its ABI and parts of its source change with each release, so this is a plugin of its own,
// compiled where it is used; what moved between 22.05 and 26.05 is bridged in namespace `release`. Records are printed
// by the library as scontrol prints them and read by the parsers of the other form, so that both forms say the same.
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <set>

#include "launcher/slurm/configuration.h"
#include "launcher/slurm/queries.h"
#include "launcher/slurm/scontrol_text.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

// Exported by every release but in no public header: frees what the sprint functions return.
extern "C" {
[[gnu::weak]] void slurm_xfree(void** text);
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

// One line of scontrol's.
std::string line_of(char* printed) {
  if (printed == nullptr) return "";
  std::string line = base::trim(printed);
  void* text = printed;
  if (slurm_xfree != nullptr) slurm_xfree(&text);
  return line;
}

[[noreturn]] void fail(const char* call) {
  throw Error::cluster({.what = base::text("libslurm: ", call, " failed: ", slurm_strerror(release::last_error()))});
}

class LibslurmQueries : public Queries {
 public:
  const char* form() const override { return "libslurm " MUSTER_SLURM_RELEASE; }

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
    std::string lines;
    for (std::uint32_t i = 0; i < message->record_count; ++i)
      lines += line_of(slurm_sprint_partition_info(&message->partition_array[i], 1)) + "\n";
    return parse_partitions(lines);
  }

  std::vector<NodeFacts> nodes(const std::vector<std::string>& names) override {
    ping();
    node_info_msg_t* loaded = nullptr;
    if (slurm_load_node(0, &loaded, SHOW_ALL) != 0) fail("slurm_load_node");
    const NodeMessage message(loaded);
    const std::set<std::string> wanted(names.begin(), names.end());
    std::string lines;
    for (std::uint32_t i = 0; i < message->record_count; ++i)
      if (const char* name = message->node_array[i].name; name != nullptr && wanted.contains(name))
        lines += line_of(slurm_sprint_node_table(&message->node_array[i], 1)) + "\n";
    return in_order(parse_nodes(lines), names);
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
    const JobFacts job = parse_job(line_of(slurm_sprint_job_info(&message->job_array[0], 1)));
    if (job.id.empty()) return std::nullopt;
    return job;
  }

 private:
  // Without a configuration slurm_init would end this process.
  void begin() {
    if (begun_) return;
    check_configuration();
    ::unsetenv("SLURM_TIME_FORMAT");  // read once by the library: times as the parsers expect them
    slurm_init(nullptr);
    begun_ = true;
  }
  bool begun_ = false;
};

}  // namespace
}  // namespace muster::slurm

extern "C" muster::slurm::Queries* muster_slurm_queries() { return new muster::slurm::LibslurmQueries(); }
