#include "launcher/health/gpu_management.h"

#include <dlfcn.h>

#include <array>
#include <cstdio>

#include "runtime/base/text.h"

namespace muster::health {
namespace {

// nvml.h's types, as far as they are asked here.
using Device = void*;
constexpr int kSuccess = 0;
struct PciInfo {
  char legacy_address[16];
  unsigned domain, bus, device, device_id, subsystem_id;
  char address[32];
};
struct MemoryInfo {
  unsigned long long total, free, used;
};
struct ProcessInfo {
  unsigned pid;
  unsigned long long used_memory;
  unsigned gpu_instance, compute_instance;
};
struct FabricInfo {  // nvmlGpuFabricInfo_v2_t
  unsigned version;
  unsigned char cluster[16];
  int status;
  unsigned clique;
  unsigned char state;
  unsigned health;
};
constexpr unsigned kFabricVersion2 = sizeof(FabricInfo) | 2U << 24;
constexpr int kUncorrected = 1, kSinceLoaded = 0;  // nvmlMemoryErrorType_t, nvmlEccCounterType_t
constexpr int kSmClock = 1;                        // nvmlClockType_t
constexpr unsigned kMostLinks = 18;
constexpr unsigned char kProbeCompleted = 3;

class Library {
 public:
  explicit Library(const std::string& name) : handle_(::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) trouble_ = ::dlerror();
  }
  ~Library() {
    if (handle_ != nullptr) ::dlclose(handle_);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  const std::string& trouble() const { return trouble_; }
  /// Whether the call is there and says that it went well.
  template <class... Arguments>
  bool ask(const char* name, Arguments... arguments) const {
    auto* call = reinterpret_cast<int (*)(Arguments...)>(::dlsym(handle_, name));
    return call != nullptr && call(arguments...) == kSuccess;
  }

 private:
  void* handle_;
  std::string trouble_;
};

void read_memory(const Library& library, Device device, GpuState& gpu) {
  MemoryInfo memory{};
  if (library.ask("nvmlDeviceGetMemoryInfo", device, &memory)) gpu.memory_gb = static_cast<double>(memory.total) / 1e9;
  unsigned on = 0, pending = 0;
  if (library.ask("nvmlDeviceGetEccMode", device, &on, &pending)) gpu.ecc = on != 0;
  unsigned long long errors = 0;
  if (library.ask("nvmlDeviceGetTotalEccErrors", device, kUncorrected, kSinceLoaded, &errors))
    gpu.uncorrected_errors = errors;
  unsigned corrected = 0, uncorrected = 0, failed = 0;
  if (library.ask("nvmlDeviceGetRemappedRows", device, &corrected, &uncorrected, &pending, &failed)) {
    gpu.remap_pending = pending != 0;
    gpu.remap_failed = failed != 0;
  }
}

void read_clocks(const Library& library, Device device, GpuState& gpu) {
  unsigned long long reasons = 0;
  if (library.ask("nvmlDeviceGetCurrentClocksThrottleReasons", device, &reasons)) gpu.slowdown = reasons;
  unsigned mhz = 0;
  if (library.ask("nvmlDeviceGetClockInfo", device, kSmClock, &mhz)) gpu.sm_mhz = mhz;
  if (library.ask("nvmlDeviceGetMaxClockInfo", device, kSmClock, &mhz)) gpu.most_sm_mhz = mhz;
}

void read_links(const Library& library, Device device, GpuState& gpu) {
  for (unsigned link = 0; link < kMostLinks; ++link) {
    unsigned up = 0;
    if (library.ask("nvmlDeviceGetNvLinkState", device, link, &up)) gpu.links.push_back(up != 0);
  }
  FabricInfo fabric{};
  fabric.version = kFabricVersion2;
  if (!library.ask("nvmlDeviceGetGpuFabricInfoV", device, &fabric)) return;
  gpu.fabric_state = fabric.state;
  gpu.fabric_status = fabric.status;
  if (fabric.state != kProbeCompleted) return;
  for (const unsigned char byte : fabric.cluster) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    gpu.fabric += digits;
  }
  gpu.fabric += base::text("/", fabric.clique);
}

GpuState read_gpu(const Library& library, Device device) {
  GpuState gpu;
  std::array<char, 96> name{};
  if (library.ask("nvmlDeviceGetName", device, name.data(), static_cast<unsigned>(name.size()))) gpu.name = name.data();
  PciInfo pci{};
  if (library.ask("nvmlDeviceGetPciInfo_v3", device, &pci)) gpu.address = pci.address;
  read_memory(library, device, gpu);
  read_clocks(library, device, gpu);
  unsigned on = 0, pending = 0;
  if (library.ask("nvmlDeviceGetMigMode", device, &on, &pending)) gpu.mig = on != 0;
  read_links(library, device, gpu);
  std::array<ProcessInfo, 64> processes{};
  unsigned count = processes.size();
  if (library.ask("nvmlDeviceGetComputeRunningProcesses_v3", device, &count, processes.data()))
    for (unsigned i = 0; i < count; ++i) gpu.processes.push_back(processes[i].pid);
  return gpu;
}

}  // namespace

GpuManagement read_gpu_management(const std::string& name) {
  GpuManagement found;
  const Library library(name);
  if (!library.trouble().empty()) {
    found.trouble = library.trouble();
    return found;
  }
  if (!library.ask("nvmlInit_v2")) {
    found.trouble = name + " is there, but the driver does not answer it";
    return found;
  }
  std::array<char, 80> driver{};
  if (library.ask("nvmlSystemGetDriverVersion", driver.data(), static_cast<unsigned>(driver.size())))
    found.driver = driver.data();
  int cuda = 0;
  if (library.ask("nvmlSystemGetCudaDriverVersion_v2", &cuda))
    found.cuda = base::text(cuda / 1000, ".", cuda % 1000 / 10);
  unsigned count = 0;
  library.ask("nvmlDeviceGetCount_v2", &count);
  for (unsigned i = 0; i < count; ++i) {
    Device device = nullptr;
    found.gpus.push_back(library.ask("nvmlDeviceGetHandleByIndex_v2", i, &device) ? read_gpu(library, device)
                                                                                  : GpuState{});
  }
  library.ask("nvmlShutdown");
  return found;
}

}  // namespace muster::health
