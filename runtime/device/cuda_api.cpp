#include "runtime/device/cuda_api.h"

#include <unistd.h>

#include <array>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::device {

void check_cuda(const CudaApi& cuda, int code, std::string_view call) {
  if (code == 0) return;
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  throw Error::cluster(
      {.what = base::text("CUDA: ", cuda.error_text(code), " (error ", code, ") in ", call.substr(0, call.find('('))),
       .where = host.data(),
       .fix = "nvidia-smi on that node shows the state of the GPU; dmesg the driver's own message"});
}

}  // namespace muster::device
