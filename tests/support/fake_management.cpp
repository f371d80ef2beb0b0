// A stand-in for NVIDIA's management library: libfake_management.so answers what the JSON file $MUSTER_FAKE_GPUS says:
// {"driver", "cuda", "gpus": [{"name", "address", "bytes", "ecc", "errors", "pending", "failed", "slowdown", "mhz",
// "most_mhz", "mig", "links": [0 or 1], "fabric_state", "fabric_status", "clique", "processes": [pid]}]}. A name that a
// GPU lacks is "not supported", as on hardware that lacks it.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

namespace {

constexpr int kSuccess = 0, kInvalid = 2, kNotSupported = 3, kVersionMismatch = 25;
nlohmann::json machine;

const nlohmann::json* value_of(void* device, const char* name) {
  const nlohmann::json& gpu = *static_cast<const nlohmann::json*>(device);
  return gpu.contains(name) ? &gpu[name] : nullptr;
}
template <class Number>
int answer(void* device, const char* name, Number* out) {
  const nlohmann::json* value = value_of(device, name);
  if (value == nullptr) return kNotSupported;
  *out = value->get<Number>();
  return kSuccess;
}
int text_answer(const std::string& text, char* out, unsigned size) {
  std::strncpy(out, text.c_str(), size - 1);
  return kSuccess;
}

}  // namespace

extern "C" {

int nvmlInit_v2() {
  const char* path = std::getenv("MUSTER_FAKE_GPUS");
  if (path == nullptr) return kInvalid;
  std::ifstream file(path);
  machine = nlohmann::json::parse(file);
  return kSuccess;
}
int nvmlShutdown() { return kSuccess; }
int nvmlSystemGetDriverVersion(char* out, unsigned size) { return text_answer(machine["driver"], out, size); }
int nvmlSystemGetCudaDriverVersion_v2(int* out) {
  *out = machine["cuda"];
  return kSuccess;
}
int nvmlDeviceGetCount_v2(unsigned* out) {
  *out = static_cast<unsigned>(machine["gpus"].size());
  return kSuccess;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** out) {
  *out = &machine["gpus"][index];
  return kSuccess;
}
int nvmlDeviceGetName(void* device, char* out, unsigned size) {
  return text_answer(*value_of(device, "name"), out, size);
}
int nvmlDeviceGetPciInfo_v3(void* device, void* out) {
  return text_answer(*value_of(device, "address"), static_cast<char*>(out) + 36, 32);
}
int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* out) { return answer(device, "bytes", out); }
int nvmlDeviceGetEccMode(void* device, unsigned* on, unsigned* pending) {
  *pending = 0;
  return answer(device, "ecc", on);
}
int nvmlDeviceGetTotalEccErrors(void* device, int kind, int since, unsigned long long* out) {
  return kind == 1 && since == 0 ? answer(device, "errors", out) : kInvalid;
}
int nvmlDeviceGetRemappedRows(void* device, unsigned* corrected, unsigned* uncorrected, unsigned* pending,
                              unsigned* failed) {
  *corrected = *uncorrected = 0;
  answer(device, "failed", failed);
  return answer(device, "pending", pending);
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void* device, unsigned long long* out) {
  return answer(device, "slowdown", out);
}
int nvmlDeviceGetClockInfo(void* device, int kind, unsigned* out) {
  return kind == 1 ? answer(device, "mhz", out) : kInvalid;
}
int nvmlDeviceGetMaxClockInfo(void* device, int kind, unsigned* out) {
  return kind == 1 ? answer(device, "most_mhz", out) : kInvalid;
}
int nvmlDeviceGetMigMode(void* device, unsigned* on, unsigned* pending) {
  *pending = 0;
  return answer(device, "mig", on);
}
int nvmlDeviceGetNvLinkState(void* device, unsigned link, unsigned* out) {
  const nlohmann::json* links = value_of(device, "links");
  if (links == nullptr || link >= links->size()) return kInvalid;
  *out = (*links)[link];
  return kSuccess;
}
int nvmlDeviceGetGpuFabricInfoV(void* device, unsigned char* out) {
  std::uint32_t version = 0;
  std::memcpy(&version, out, sizeof version);
  if (version != (36U | 2U << 24)) return kVersionMismatch;
  unsigned state = 0;
  int status = 0;
  std::uint32_t clique = 0;
  if (answer(device, "fabric_state", &state) != kSuccess) return kNotSupported;
  answer(device, "fabric_status", &status);
  answer(device, "clique", &clique);
  std::memset(out + 4, 0xab, 16);
  std::memcpy(out + 20, &status, 4);
  std::memcpy(out + 24, &clique, 4);
  out[28] = static_cast<unsigned char>(state);
  return kSuccess;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void* device, unsigned* count, void* out) {
  const nlohmann::json* processes = value_of(device, "processes");
  *count = processes == nullptr ? 0 : static_cast<unsigned>(processes->size());
  for (unsigned i = 0; i < *count; ++i) {
    const std::uint32_t pid = (*processes)[i];
    std::memcpy(static_cast<char*>(out) + 24 * i, &pid, sizeof pid);
  }
  return kSuccess;
}
}
