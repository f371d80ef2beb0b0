// Queries by Slurm's commands: scontrol's text. Needs nothing at build time and works with every release.
#include <unistd.h>

#include <filesystem>

#include "launcher/slurm/command.h"
#include "launcher/slurm/configuration.h"
#include "launcher/slurm/host_list.h"
#include "launcher/slurm/queries.h"
#include "launcher/slurm/scontrol_text.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::slurm {
namespace {

constexpr double kPing_s = 1.5;
constexpr double kQuery_s = 10;

class CommandQueries : public Queries {
 public:
  const char* form() const override { return "commands"; }

  void ping() override {
    check_configuration();
    const CommandResult result = run_command({"scontrol", "ping"}, kPing_s);
    if (result.timed_out || result.code != 0) throw controller_away(base::trim(result.output + result.errors));
  }

  std::vector<PartitionFacts> partitions() override { return parse_partitions(shown({"partition"})); }

  std::vector<NodeFacts> nodes(const std::vector<std::string>& names) override {
    return in_order(parse_nodes(shown({"node", compress_hosts(names)})), names);
  }

  std::vector<BlockFacts> blocks() override { return shown_blocks(); }

  std::optional<JobFacts> job(const std::string& id) override {
    const CommandResult result = run_command({"scontrol", "--oneliner", "show", "job", id}, kQuery_s);
    if (result.errors.find("Invalid job id") != std::string::npos) return std::nullopt;
    if (result.timed_out || result.code != 0) throw failed({"job", id}, result);
    const JobFacts job = parse_job(base::split(result.output, '\n').at(0));
    if (job.id.empty()) return std::nullopt;
    return job;
  }

 private:
  static Error failed(const std::vector<std::string>& what, const CommandResult& result) {
    const std::string said = base::trim(result.errors + result.output);
    return Error::cluster(
        {.what = base::text("scontrol show ", base::join(what, " "),
                            result.timed_out ? " did not answer in 10 s" : " failed", said.empty() ? "" : ": ", said)});
  }

  static std::string shown(const std::vector<std::string>& what) {
    std::vector<std::string> command{"scontrol", "--all", "--oneliner", "show"};
    command.insert(command.end(), what.begin(), what.end());
    const CommandResult result = run_command(command, kQuery_s);
    if (result.timed_out || result.code != 0) throw failed(what, result);
    return result.output;
  }
};

}  // namespace

std::vector<BlockFacts> shown_blocks() {
  const CommandResult result = run_command({"scontrol", "show", "topology"}, kQuery_s);
  if (result.timed_out) throw Error::cluster({.what = "scontrol show topology did not answer in 10 s"});
  return parse_blocks(result.output);  // without a topology it says so and nothing else
}

std::unique_ptr<Queries> make_command_queries() { return std::make_unique<CommandQueries>(); }

}  // namespace muster::slurm
