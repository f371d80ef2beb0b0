#include "launcher/health/node_checks.h"

#include <dlfcn.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "launcher/slurm/command.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/hardware.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/spec/epoch.h"

namespace muster::health {
namespace fs = std::filesystem;
using base::text;

namespace {

constexpr double kGb = 1e9;
constexpr std::int64_t kLeastFiles = 65536;  // open files: NCCL has sockets to every peer
constexpr double kLeastRoot_gb = 50, kLeastTemporary_gb = 1, kLeastShared_gb = 8;
constexpr double kMemoryShare = 0.95, kRateShare = 0.95;
constexpr double kBinaries_s = 90;

std::string gb_text(double bytes) { return text(std::round(bytes / kGb * 10) / 10, " GB"); }

Finding fine(const std::string& what, const std::string& found) { return {Grade::ok, what, found, "", ""}; }

// The soft limit of a line "Max open files   1024   524288   files"; -1: unlimited, none: no such line.
std::optional<std::int64_t> limit_of(const NodeView& view, const std::string& name) {
  std::ifstream file(view.proc / "self" / "limits");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    std::istringstream words(line.substr(name.size()));
    std::string soft;
    words >> soft;
    return soft == "unlimited" ? -1 : std::atoll(soft.c_str());
  }
  return std::nullopt;
}

double memory_bytes(const NodeView& view) {
  std::ifstream file(view.proc / "meminfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("MemTotal:")) return std::atof(line.c_str() + 9) * 1024;
  return 0;
}

// Why a file cannot be made there; empty: it can.
std::string write_trouble(const fs::path& folder) {
  const fs::path probe = folder / text(".muster-check-", spec::this_host(), "-", ::getpid());
  try {
    base::write_file(probe, "look\n");
  } catch (const Error& error) {
    return error.faults()[0].what;
  }
  std::error_code ignored;
  fs::remove(probe, ignored);
  return "";
}

Finding folder_finding(const std::string& what, const fs::path& folder, double least_gb, Grade grade,
                       const std::string& fix) {
  if (!base::is_there(folder))
    return {grade, what, text(folder.string(), " is not there"), "a folder to write to", fix};
  if (const std::string trouble = write_trouble(folder); !trouble.empty())
    return {grade, what, text(folder.string(), " cannot be written: ", trouble), "a folder to write to", fix};
  const auto free = static_cast<double>(base::free_bytes(folder));
  const bool is_enough = free >= least_gb * kGb;
  return {is_enough ? Grade::ok : Grade::warning, what, text(folder.string(), ", ", gb_text(free), " free"),
          text(least_gb, " GB free"), is_enough ? "" : "make room, or take another place"};
}

std::string last_line(const std::string& output) {
  const std::vector<std::string> lines = base::split(base::trim(output), '\n');
  return lines.empty() ? "" : lines.back();
}

// What check says of the GPU that it did not see, as one sentence.
std::string no_gpu_text(const std::string& output) {
  const std::size_t begin = output.find("no GPU is looked at");
  if (begin == std::string::npos) return last_line(output);
  std::vector<std::string> parts;
  for (const std::string& line : base::split(output.substr(begin), '\n'))
    if (!line.empty() && line != "all agree") parts.push_back(base::trim(line));
  return base::join(parts, "; ");
}

}  // namespace

Wanted wanted_of(const cluster::Cluster& cluster, const fs::path& run_root, const fs::path& binaries) {
  const bool has_gpus = cluster.device == "cuda";
  Wanted wanted{.host_memory_gb = cluster.host_memory_gb, .run_root = run_root, .canary = "", .binaries = binaries};
  for (const cluster::NumaNode& node : cluster.numa) {
    base::Faults ignored;
    for (const std::string& list : node.cpus)
      wanted.cpus += std::ssize(cluster::parse_cpus(list, cluster.name, ignored));
  }
  if (!has_gpus) return wanted;
  wanted.gpus = cluster.ranks_per_node;
  wanted.gpu_kind = cluster.gpu.kind;
  wanted.gpu_memory_gb = cluster.gpu.memory_gb;
  wanted.adapters = cluster::adapters_of(cluster.numa);
  wanted.adapter_gbit_per_s = cluster.network.adapter_gbit_per_s;
  wanted.nvlink = cluster.nvlink.gb_per_s > 0;
  wanted.shares_fabric = cluster.nvlink.domain_nodes > 1;
  return wanted;
}

std::string wanted_text(const Wanted& wanted) {
  return base::json_text(nlohmann::ordered_json{{"gpus", wanted.gpus},
                                                {"gpu_kind", wanted.gpu_kind},
                                                {"gpu_memory_gb", wanted.gpu_memory_gb},
                                                {"host_memory_gb", wanted.host_memory_gb},
                                                {"cpus", wanted.cpus},
                                                {"adapters", wanted.adapters},
                                                {"adapter_gbit_per_s", wanted.adapter_gbit_per_s},
                                                {"nvlink", wanted.nvlink},
                                                {"shares_fabric", wanted.shares_fabric},
                                                {"run_root", wanted.run_root.string()},
                                                {"canary", wanted.canary},
                                                {"binaries", wanted.binaries.string()}});
}

Wanted parse_wanted(const std::string& words) {
  try {
    const auto object = nlohmann::json::parse(words);
    return {.gpus = object.at("gpus"),
            .gpu_kind = object.at("gpu_kind"),
            .gpu_memory_gb = object.at("gpu_memory_gb"),
            .host_memory_gb = object.at("host_memory_gb"),
            .cpus = object.at("cpus"),
            .adapters = object.at("adapters"),
            .adapter_gbit_per_s = object.at("adapter_gbit_per_s"),
            .nvlink = object.at("nvlink"),
            .shares_fabric = object.at("shares_fabric"),
            .run_root = object.at("run_root").get<std::string>(),
            .canary = object.at("canary"),
            .binaries = object.at("binaries").get<std::string>()};
  } catch (const nlohmann::json::exception& error) {
    throw Error::user({.what = text("muster check-node: what is wanted cannot be read: ", error.what()),
                       .fix = "it is called by muster doctor, not by people"});
  }
}

Findings check_network(const Wanted& wanted, const NodeView& view) {
  Findings findings;
  if (wanted.adapters.empty()) return findings;
  const std::vector<base::NetworkAdapter> all = base::network_adapters(view.sysfs);
  std::vector<std::string> faults;
  for (const std::string& name : wanted.adapters) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const base::NetworkAdapter& adapter) { return adapter.name == name; });
    if (found == all.end())
      faults.push_back(text(name, " is not there"));
    else if (!found->is_active)
      faults.push_back(text(name, " is down"));
    else if (found->gbit_per_s < kRateShare * wanted.adapter_gbit_per_s)
      faults.push_back(text(name, " runs at ", found->gbit_per_s, " Gbit/s"));
  }
  const std::string wish = text(wanted.adapters.size(), " active at ", wanted.adapter_gbit_per_s, " Gbit/s");
  if (faults.empty())
    findings.push_back(fine("network adapters", wish));
  else
    findings.push_back(
        {Grade::error, "network adapters", base::join(faults, ", "), wish,
         "leave the node out (--exclude), or correct the cluster file (muster cluster diff, on the node)"});
  void* const library = ::dlopen(view.verbs_library.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (library != nullptr) {
    ::dlclose(library);
    findings.push_back(fine("verbs library", view.verbs_library));
  } else {
    findings.push_back(
        {Grade::error, "verbs library", ::dlerror(), view.verbs_library,
         "NCCL would fall back to TCP: have rdma-core (libibverbs1) installed on the nodes, or in the container"});
  }
  return findings;
}

Findings check_host(const Wanted& wanted, const NodeView& view) {
  Findings findings;
  if (wanted.cpus > 0) {
    std::int64_t cpus = 0;
    for (const base::MemoryNode& node : base::memory_nodes(view.sysfs)) cpus += std::ssize(node.cpus);
    findings.push_back(
        {cpus >= wanted.cpus ? Grade::ok : Grade::error, "hardware threads", text(cpus), text(wanted.cpus),
         cpus >= wanted.cpus ? "" : "ranks are bound by the map: write it anew on the node (muster cluster probe)"});
  }
  if (wanted.host_memory_gb > 0) {
    const double bytes = memory_bytes(view);
    const bool is_enough = bytes >= kMemoryShare * wanted.host_memory_gb * kGb;
    findings.push_back({is_enough ? Grade::ok : Grade::error, "memory of the host", gb_text(bytes),
                        text(wanted.host_memory_gb, " GB"),
                        is_enough ? "" : "put into host_memory_gb what is there: plans count on it"});
  }
  const std::int64_t files = limit_of(view, "Max open files").value_or(-1);
  const bool has_files = files < 0 || files >= kLeastFiles;
  findings.push_back({has_files ? Grade::ok : Grade::warning, "open files", files < 0 ? "unlimited" : text(files),
                      text(kLeastFiles),
                      has_files ? "" : text("setup = [\"ulimit -n ", kLeastFiles, "\"] in the cluster file")});
  if (wanted.adapters.empty()) return findings;
  const std::int64_t locked = limit_of(view, "Max locked memory").value_or(-1);
  findings.push_back({locked < 0 ? Grade::ok : Grade::error, "locked memory",
                      locked < 0 ? "unlimited" : text(locked, " bytes"), "unlimited",
                      locked < 0 ? ""
                                 : "adapters cannot register memory: setup = [\"ulimit -l unlimited\"], or "
                                   "LimitMEMLOCK=infinity for slurmd and "
                                   "PropagateResourceLimitsExcept=MEMLOCK in slurm.conf"});
  return findings;
}

Findings check_folders(const Wanted& wanted, const NodeView& view) {
  Findings findings;
  if (!wanted.run_root.empty()) {
    findings.push_back(
        folder_finding("run root", wanted.run_root, kLeastRoot_gb, Grade::error,
                       "run_root in the cluster file must be a folder that login node and all nodes share"));
    const bool is_seen = wanted.canary.empty() || base::is_there(wanted.run_root / wanted.canary);
    if (!is_seen)
      findings.push_back({Grade::error, "shared folder",
                          text(wanted.run_root.string(), " here is another than where this was asked"),
                          "one folder for all", "put run_root in the cluster file on a shared file system"});
    else if (!wanted.canary.empty())
      findings.push_back(fine("shared folder", "a file written there is seen here"));
  }
  findings.push_back(
      folder_finding("temporary folder", view.temporary, kLeastTemporary_gb, Grade::warning,
                     "Muster does without; what a grader or a container needs there will fail. TMPDIR names another"));
  findings.push_back(
      folder_finding("shared memory", view.shared_memory, kLeastShared_gb, Grade::warning,
                     "NCCL passes data between GPUs of a node through it: in a container mount the host's /dev/shm"));
  return findings;
}

Findings check_binaries(const Wanted& wanted) {
  if (wanted.binaries.empty()) return {};
  const std::string fix =
      text(wanted.binaries.string(),
           " must be on a folder that the nodes share, of this processor's kind: unpack the bundle there");
  try {
    const std::string program = (wanted.binaries / "muster-runtime").string();
    const slurm::CommandResult version = slurm::run_command({program, "--version"}, kBinaries_s);
    if (version.code != 0)
      return {{Grade::error, "muster-runtime", last_line(version.errors + version.output), "it starts", fix}};
    Findings findings{fine("muster-runtime", base::trim(version.output))};
    const slurm::CommandResult check = slurm::run_command({program, "check"}, kBinaries_s);
    const bool has_gpu = check.output.find("on the gpu") != std::string::npos;
    if (check.timed_out || check.code != 0)
      findings.push_back(
          {Grade::error, "muster-runtime check",
           check.timed_out ? text("no end after ", kBinaries_s, " s") : last_line(check.output + check.errors),
           "all agree", "call it on the node: it names the operation"});
    else if (wanted.gpus > 0 && !has_gpu)
      findings.push_back({Grade::error, "muster-runtime check", no_gpu_text(check.output), "it computes on the GPU",
                          "a bundle for GPUs is made by tools/bundle --gpu; on aarch64 build on a node: tools/setup, "
                          "tools/quickstart"});
    else
      findings.push_back(fine("muster-runtime check", has_gpu ? "all agree, on the GPU too" : "all agree"));
    return findings;
  } catch (const Error& error) {
    return {{Grade::error, "muster-runtime", error.faults()[0].what, "it starts", fix}};
  }
}

Report check_node(const Wanted& wanted, const NodeView& view) {
  Report report;
  const char* const name = std::getenv("SLURMD_NODENAME");
  report.host = name != nullptr ? name : spec::this_host();
  report.clock_s = base::wall_clock_s();
  GpuManagement management;
  if (wanted.gpus > 0) management = read_gpu_management(view.management_library);
  for (const GpuState& gpu : management.gpus)
    if (report.fabric.empty()) report.fabric = gpu.fabric;
  append(report.findings, check_gpus(wanted, management, view));
  append(report.findings, check_network(wanted, view));
  append(report.findings, check_host(wanted, view));
  append(report.findings, check_folders(wanted, view));
  append(report.findings, check_binaries(wanted));
  return report;
}

}  // namespace muster::health
