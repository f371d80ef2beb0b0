#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <functional>

#include "launcher/health/node_checks.h"
#include "runtime/base/columns.h"
#include "runtime/base/text.h"

namespace muster::health {
namespace {

using base::text;

constexpr int kLeastDriver = 580;         // of CUDA 13 (NVIDIA's table of CUDA and driver versions)
constexpr double kGpuMemoryShare = 0.97;  // of what the cluster file says; the driver keeps some
constexpr std::int64_t kFabricCompleted = 3;

std::string lower(std::string word) {
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return word;
}

// "GPU 2, 5" of those for which it holds.
std::string gpus_that(const GpuManagement& management, const std::function<bool(const GpuState&)>& holds) {
  std::vector<std::string> numbers;
  for (std::size_t i = 0; i < management.gpus.size(); ++i)
    if (holds(management.gpus[i])) numbers.push_back(std::to_string(i));
  return numbers.empty() ? "" : "GPU " + base::join(numbers, ", ");
}

/// One finding over all GPUs: a fault names those that have it.
class GpuCheck {
 public:
  GpuCheck(const GpuManagement& management, Findings& findings) : management_(management), findings_(findings) {}
  void operator()(const std::string& what, const std::string& fine, const std::function<bool(const GpuState&)>& is_bad,
                  Grade grade, const std::string& fault, const std::string& fix) const {
    const std::string bad = gpus_that(management_, is_bad);
    if (bad.empty())
      findings_.push_back({Grade::ok, what, fine, "", ""});
    else
      findings_.push_back({grade, what, text(bad, ": ", fault), fine, fix});
  }

 private:
  const GpuManagement& management_;
  Findings& findings_;
};

Finding driver_finding(const GpuManagement& management, const NodeView& view) {
  const std::string wanted = text(kLeastDriver, " or newer, for CUDA 13"),
                    found = text(management.driver, " (CUDA ", management.cuda, ")");
  if (std::atoi(management.driver.c_str()) >= kLeastDriver) return {Grade::ok, "driver", found, wanted, ""};
  const std::filesystem::path compat = view.cuda / "compat";
  std::error_code ignored;
  if (std::filesystem::exists(compat / "libcuda.so.1", ignored))
    return {Grade::warning, "driver", text(found, ", with the compatibility package in ", compat.string()), wanted,
            text("setup = [\"export LD_LIBRARY_PATH=", compat.string(),
                 ":$LD_LIBRARY_PATH\"] in the cluster file, where it is not set")};
  return {Grade::error, "driver", found, wanted,
          "ask the administrator for a newer driver, or for the package cuda-compat-13-0 (data centre GPUs)"};
}

Findings number_findings(const Wanted& wanted, const GpuManagement& management) {
  Findings findings;
  const auto count = std::ssize(management.gpus);
  findings.push_back({count == wanted.gpus  ? Grade::ok
                      : count < wanted.gpus ? Grade::error
                                            : Grade::warning,
                      "GPUs", text(count, count > 0 ? " x " + management.gpus[0].name : ""), text(wanted.gpus),
                      count < wanted.gpus
                          ? "leave the node out (--exclude), or lower ranks_per_node in the cluster file"
                      : count > wanted.gpus ? "raise ranks_per_node in the cluster file: GPUs would be idle"
                                            : ""});
  const GpuCheck check(management, findings);
  if (!wanted.gpu_kind.empty())
    check(
        "kind of GPU", wanted.gpu_kind,
        [&](const GpuState& gpu) { return lower(gpu.name).find(lower(wanted.gpu_kind)) == std::string::npos; },
        Grade::error, count > 0 ? management.gpus[0].name : "",
        "another cluster file, or --constraint for nodes of this kind");
  if (wanted.gpu_memory_gb > 0) {
    const std::string found = count > 0 ? text(std::round(management.gpus[0].memory_gb * 10) / 10, " GB") : "";
    check(
        "memory of a GPU", text(wanted.gpu_memory_gb, " GB"),
        [&](const GpuState& gpu) { return gpu.memory_gb < kGpuMemoryShare * wanted.gpu_memory_gb; }, Grade::error,
        found, "put into [gpu] memory_gb what is there: plans count on it");
    if (findings.back().grade == Grade::ok) findings.back().found = found;
  }
  return findings;
}

Findings state_findings(const GpuManagement& management) {
  Findings findings;
  const GpuCheck check(management, findings);
  check(
      "ECC", "on", [](const GpuState& gpu) { return gpu.ecc == false; }, Grade::warning, "off",
      "ask the administrator: wrong bits stay unseen");
  check(
      "memory errors", "none", [](const GpuState& gpu) { return gpu.uncorrected_errors.value_or(0) > 0; }, Grade::error,
      "uncorrected errors since the driver was loaded", "leave the node out (--exclude) and have the GPU reset");
  check(
      "remapped rows", "none pending",
      [](const GpuState& gpu) { return gpu.remap_pending == true || gpu.remap_failed == true; }, Grade::error,
      "a row waits to be remapped, or could not be",
      "leave the node out (--exclude) and have the GPU reset or replaced");
  check(
      "clocks", "not held down",
      [](const GpuState& gpu) {
        return (gpu.slowdown.value_or(0) &
                (kSlowdownHeat | kSlowdownBrake | kSlowdownHardware | kSlowdownHeatSoftware)) != 0;
      },
      Grade::warning, "held down by heat or power",
      "a slow GPU slows every rank: leave the node out, and tell the administrator");
  check(
      "MIG", "off", [](const GpuState& gpu) { return gpu.mig == true; }, Grade::error, "on: the GPU is divided",
      "ask for whole GPUs, or have MIG switched off");
  check(
      "others on the GPUs", "nobody", [](const GpuState& gpu) { return !gpu.processes.empty(); }, Grade::warning,
      "processes compute there", "exclusive = true in the cluster file; or a job before this one left them behind");
  return findings;
}

Findings link_findings(const Wanted& wanted, const GpuManagement& management, const NodeView& view) {
  Findings findings;
  const GpuCheck check(management, findings);
  if (wanted.nvlink && wanted.gpus > 1)
    check(
        "NVLink", "all up",
        [](const GpuState& gpu) {
          return gpu.links.empty() || std::find(gpu.links.begin(), gpu.links.end(), false) != gpu.links.end();
        },
        Grade::error, "links are down, or none is there", "leave the node out (--exclude), and tell the administrator");
  // The switches of a node register its GPUs; without it they reach nobody.
  check(
      "fabric", "registered",
      [](const GpuState& gpu) {
        const std::int64_t state = gpu.fabric_state.value_or(0);
        return state != 0 && (state != kFabricCompleted || gpu.fabric_status.value_or(0) != 0);
      },
      Grade::error, "not registered with the switches",
      "nvidia-fabricmanager must run on the node (on NVL72: nvidia-imex too)");
  if (!wanted.shares_fabric) return findings;
  std::error_code ignored;
  const std::filesystem::path channel = view.dev / "nvidia-caps-imex-channels" / "channel0";
  const bool is_there = std::filesystem::exists(channel, ignored);
  findings.push_back(
      {is_there ? Grade::ok : Grade::error, "IMEX channel", is_there ? "channel0" : "none", channel.string(),
       is_there
           ? ""
           : "the nodes of a rack share memory through it: Slurm's switch/nvidia_imex, or nvidia-modprobe, makes it"});
  return findings;
}

}  // namespace

Findings check_gpus(const Wanted& wanted, const GpuManagement& management, const NodeView& view) {
  if (wanted.gpus == 0) return {};
  if (!management.trouble.empty())
    return {{Grade::error, "driver", management.trouble, text(kLeastDriver, " or newer, for CUDA 13"),
             "is this a node with GPUs, and does nvidia-smi work on it? In a container: mount the driver (--nv, or "
             "pyxis' hook)"}};
  Findings findings{driver_finding(management, view)};
  append(findings, number_findings(wanted, management));
  append(findings, state_findings(management));
  append(findings, link_findings(wanted, management, view));
  return findings;
}

}  // namespace muster::health
