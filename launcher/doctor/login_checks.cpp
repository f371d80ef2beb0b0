#include <sys/vfs.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "launcher/cluster/partition_list.h"
#include "launcher/doctor/doctor.h"
#include "launcher/slurm/command.h"
#include "launcher/slurm/host_list.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/epoch.h"

namespace muster::doctor {
namespace fs = std::filesystem;
using base::text;
using health::Finding;
using health::Findings;
using health::Grade;

namespace {

constexpr double kAnswer_s = 10;

Finding fine(const std::string& what, const std::string& found) { return {Grade::ok, what, found, "", ""}; }

fs::path found_on(const std::string& path, const std::string& program) {
  std::error_code ignored;
  for (const std::string& folder : base::split(path, ':'))
    if (!folder.empty() && fs::is_regular_file(fs::path(folder) / program, ignored)) return fs::path(folder) / program;
  return {};
}

bool is_script(const fs::path& program) {
  std::ifstream file(program, std::ios::binary);
  char begin[2] = {};
  file.read(begin, 2);
  return begin[0] == '#' && begin[1] == '!';
}

// "22.05" of "slurm 22.05.8", or of any words that hold it.
std::string release_in(const std::string& words) {
  const std::size_t begin = words.find_first_of("0123456789");
  if (begin == std::string::npos) return "";
  const std::size_t end = words.find_first_not_of("0123456789.", begin);
  const std::vector<std::string> parts = base::split(words.substr(begin, end - begin), '.');
  return parts.size() < 2 ? "" : parts[0] + "." + parts[1];
}

Finding command_finding(const std::string& path, const std::string& command) {
  const fs::path program = found_on(path, command);
  if (program.empty())
    return {Grade::error, command, "not on PATH", "one of Slurm's commands",
            "load the site's module for Slurm, or add its bin folder to PATH"};
  if (is_script(program))
    return {Grade::warning, command, text(program.string(), " is a script of the site's"), "Slurm's own program",
            "what it adds or prints is passed on; read it when jobs are not as `muster plan` shows them"};
  return fine(command, program.string());
}

// Slurm serves clients of its own release and of the two before it.
Finding release_finding() {
  const std::string ours = release_in(slurm::run_command({"srun", "--version"}, kAnswer_s).output);
  std::string theirs;
  for (const std::string& line :
       base::split(slurm::run_command({"scontrol", "show", "config"}, kAnswer_s).output, '\n'))
    if (line.starts_with("SLURM_VERSION")) theirs = release_in(line.substr(line.find('=') + 1));
  if (ours == theirs || ours.empty() || theirs.empty()) return fine("release of Slurm", theirs.empty() ? ours : theirs);
  const bool is_newer = std::atof(ours.c_str()) > std::atof(theirs.c_str());
  return {is_newer ? Grade::error : Grade::warning, "release of Slurm",
          text("srun is ", ours, ", the controller ", theirs), "one release",
          "take the srun of the cluster: a container, a module or PATH brings another one"};
}

// Those of one machine alone, as far as the kernel can tell.
bool is_local(const fs::path& folder) {
  constexpr unsigned kLocal[] = {0xef53 /* ext */, 0x58465342 /* xfs */, 0x9123683e /* btrfs */, 0x01021994 /* tmpfs */,
                                 0x794c7630 /* overlay */};
  struct statfs facts {};
  if (::statfs(folder.c_str(), &facts) != 0) return false;
  return std::find(std::begin(kLocal), std::end(kLocal), static_cast<unsigned>(facts.f_type)) != std::end(kLocal);
}

Finding shared_finding(const std::string& what, const fs::path& folder, const std::string& fix) {
  if (!is_local(folder)) return fine(what, folder.string());
  return {Grade::warning, what, text(folder.string(), " lies on a disk of this machine"),
          "a folder that the nodes share", fix};
}

Findings folder_findings(const Place& place) {
  Findings findings;
  try {
    base::make_folder(place.run_root);
    base::write_file(place.run_root / ".muster-doctor", "look\n");
    fs::remove(place.run_root / ".muster-doctor");
    findings.push_back(shared_finding(
        "run root", place.run_root, "--submit tells whether nodes see it; run_root in the cluster file names another"));
  } catch (const std::exception& error) {
    findings.push_back({Grade::error, "run root", error.what(), "a folder to write to",
                        "--run-root, or run_root in the cluster file or ~/.config/muster.toml"});
  }
  findings.push_back(shared_finding("binaries", place.binaries,
                                    "runs get a copy in their run root; `muster run` in an allocation uses these"));
  std::error_code ignored;
  if (place.cluster.device == "cuda" && !fs::exists(place.binaries / "libmuster_cuda.so", ignored))
    findings.push_back(
        {Grade::error, "GPU library", "libmuster_cuda.so is not beside muster", "it is",
         "a bundle for GPUs (tools/bundle --gpu); on aarch64 build on a node: tools/setup, tools/quickstart"});
  const fs::path personal = cluster::personal_file();
  findings.push_back(fine("personal settings",
                          fs::exists(personal, ignored) ? personal.string() : text("none (", personal.string(), ")")));
  return findings;
}

Finding nodes_finding(const Place& place, const slurm::PartitionFacts& partition, slurm::Queries& queries) {
  const std::vector<slurm::NodeFacts> nodes = queries.nodes(slurm::expand_hosts(partition.nodes));
  std::vector<std::string> away, others;
  for (const slurm::NodeFacts& node : nodes) {
    if (node.is_away()) away.push_back(node.name);
    if (place.cluster.device == "cuda" && place.cluster.slurm.gpu_request != cluster::GpuRequest::none &&
        slurm::parse_gpu_gres(node.gres).count < place.cluster.ranks_per_node)
      others.push_back(node.name);
  }
  if (!others.empty())
    return {Grade::error, "nodes", text(slurm::compress_hosts(others), " have fewer GPUs for Slurm"),
            text(place.cluster.ranks_per_node, " each"), "write the cluster file on a node: muster cluster probe"};
  const std::string found = text(nodes.size() - away.size(), " of ", nodes.size(), " up");
  if (away.empty()) return fine("nodes", found);
  return {Grade::warning, "nodes", text(found, "; away: ", slurm::compress_hosts(away)), "all up",
          "jobs that need them wait; sinfo -R says why"};
}

Findings slurm_findings(const Place& place, slurm::Queries& queries, slurm::Control& control, const fs::path& script) {
  Findings findings;
  for (const char* command : {"sbatch", "srun", "scontrol"}) findings.push_back(command_finding(place.path, command));
  if (found_on(place.path, "sacct").empty()) findings.push_back(fine("sacct", "not here; it is asked nothing"));
  try {
    queries.ping();
    findings.push_back(fine("controller", text("answers (by ", queries.form(), ")")));
    if (const std::string trouble = slurm::plugin_trouble(); !trouble.empty())
      findings.push_back(fine("libslurm", trouble + "; Slurm's commands answer the same"));
    findings.push_back(release_finding());
    const std::vector<slurm::PartitionFacts> partitions = queries.partitions();
    std::vector<std::string> unknown;
    const std::vector<const slurm::PartitionFacts*> chosen =
        cluster::chosen_partitions(place.cluster.slurm.partition, partitions, unknown);
    if (chosen.empty() || !unknown.empty()) {
      std::vector<std::string> names;
      for (const slurm::PartitionFacts& one : partitions) names.push_back(one.name);
      findings.push_back({Grade::error, "partition", unknown.empty() ? "no default" : "no " + base::join(unknown, ", "),
                          text("one of ", base::join(names, ", ")),
                          "partition in the cluster file, ~/.config/muster.toml or --partition"});
      return findings;
    }
    for (const slurm::PartitionFacts* partition : chosen) {
      findings.push_back({partition->is_up ? Grade::ok : Grade::error, "partition",
                          text(partition->name, partition->is_up ? " is up" : " is down"), "up",
                          partition->is_up ? "" : "choose another, or wait"});
      findings.push_back(nodes_finding(place, *partition, queries));
    }
    const slurm::Forecast forecast = control.forecast(script);
    findings.push_back(
        {forecast.accepted ? Grade::ok : Grade::error, "a job of one node",
         forecast.accepted ? "is accepted" : forecast.said, "accepted (sbatch --test-only)",
         forecast.accepted
             ? ""
             : "account, partition, qos and sbatch_flags of the cluster file; sacctmgr show assoc user=$USER"});
  } catch (const Error& error) {
    findings.push_back({Grade::error, "controller", error.faults()[0].what, "an answer", error.faults()[0].fix});
  }
  return findings;
}

}  // namespace

health::Report look_here(const Place& place, slurm::Queries& queries, slurm::Control& control, const fs::path& script) {
  health::Report report{.host = spec::this_host()};
  report.clock_s = base::wall_clock_s();
  if (place.cluster.has_slurm) report.findings = slurm_findings(place, queries, control, script);
  append(report.findings, folder_findings(place));
  return report;
}

}  // namespace muster::doctor
