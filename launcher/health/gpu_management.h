// What NVIDIA's management library says of this node's GPUs. Opened by name at run time, with declarations of our own
// (nvml.h of CUDA 13 says the same): a node without a driver has no such library, and an older one lacks some answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace muster::health {

/// What is not known stays empty: the driver does not say, or the GPU does not have it.
struct GpuState {
  std::string name;     // "NVIDIA H100 80GB HBM3"
  std::string address;  // of the PCI bus: "00000000:18:00.0"
  double memory_gb = 0;
  std::optional<bool> ecc;                          // on
  std::optional<std::uint64_t> uncorrected_errors;  // of memory, since the driver was loaded
  std::optional<bool> remap_pending, remap_failed;  // of memory rows
  std::optional<std::uint64_t> slowdown;            // bits: why its clocks are lower than they could be
  std::optional<std::int64_t> sm_mhz, most_sm_mhz;  // clock of the multiprocessors
  std::optional<bool> mig;                          // divided into instances
  std::vector<bool> links;                          // NVLinks that it has: up
  std::optional<std::int64_t> fabric_state;         // 0 none, 1 not started, 2 in progress, 3 completed
  std::optional<std::int64_t> fabric_status;        // 0: it went well
  std::string fabric;                               // "UUID/clique" once completed
  std::vector<std::int64_t> processes;              // ids of those that compute on it
};

struct GpuManagement {
  std::string trouble;         // why nothing is known; the rest is empty then
  std::string driver;          // "580.159.04"
  std::string cuda;            // "13.0": the newest that this driver runs
  std::vector<GpuState> gpus;  // in the library's order
};

/// Never throws: `trouble` says what did not work. `library`: a name, or a path in tests.
GpuManagement read_gpu_management(const std::string& library = "libnvidia-ml.so.1");

/// The bits of GpuState::slowdown that cost speed for a reason of hardware: power brake, heat, a slowdown signal.
constexpr std::uint64_t kSlowdownHeatSoftware = 0x20, kSlowdownHeat = 0x40, kSlowdownBrake = 0x80,
                        kSlowdownHardware = 0x08;

}  // namespace muster::health
