#include "runtime/device/cuda_library.h"

#include <dlfcn.h>

#include "runtime/base/error.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/device/forms.h"

namespace muster::device {
namespace {

using ApiForm = const CudaApi&();

void open_library(const std::filesystem::path& library) {
  if (!std::filesystem::exists(library))
    throw Error::cluster({.what = "this build has no libmuster_cuda.so, so it cannot use a GPU",
                          .where = library.string(),
                          .fix = "build where the CUDA toolkit is (WITH_CUDA=ON), or say device = \"cpu\""});
  // Never closed: its functions are in the tables from here on.
  void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (handle == nullptr)
    throw Error::cluster({.what = base::text("libmuster_cuda.so cannot be loaded: ", ::dlerror()),
                          .where = library.string(),
                          .fix = "it needs the CUDA, NCCL and cuDNN libraries of PyTorch 2.11 (cu130) on this node"});
  auto* fill = reinterpret_cast<RegisterForms*>(::dlsym(handle, kRegisterForms));
  if (fill == nullptr)
    throw Error::cluster({.what = base::text("libmuster_cuda.so has no ", kRegisterForms),
                          .where = library.string(),
                          .fix = "the library and the program are of different builds: build both again"});
  fill(forms());
}

}  // namespace

std::filesystem::path cuda_library_path() { return base::executable_folder() / "libmuster_cuda.so"; }

Device open_cuda_device(int index, const std::filesystem::path& library) {
  if (!has_form("cuda_api")) open_library(library);
  const CudaApi& cuda = cuda_form<ApiForm>("cuda_api")();
  int count = 0;
  if (const int code = cuda.device_count(&count); code != 0)
    throw Error::cluster({.what = base::text("no GPU can be used on this node: ", cuda.error_text(code)),
                          .where = {},
                          .fix = "nvidia-smi shows whether the driver runs; or say device = \"cpu\""});
  if (index < 0 || index >= count)
    throw Error::cluster(
        {.what = base::text("GPU ", index, " was asked for, and this node shows ", count),
         .where = {},
         .fix = "ranks_per_node in the cluster file and CUDA_VISIBLE_DEVICES must agree with the node"});
  CUDA_CHECK(cuda, set_device(index));
  return {index, &cuda};
}

}  // namespace muster::device
