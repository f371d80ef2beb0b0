// Opens libmuster_cuda.so, the one file that holds everything of CUDA and NCCL.
#pragma once

#include <filesystem>

#include "runtime/device/stream.h"

namespace muster::device {

/// Beside the running executable.
std::filesystem::path cuda_library_path();

/// Opens the library (once a process), registers its forms and chooses GPU `index`. Call it before anything is
/// computed: LibTorch asks once whether it has CUDA, and keeps the answer. throws: Error::cluster with one sentence
/// when the library is missing, cannot be loaded, or there is no such GPU.
Device open_cuda_device(int index, const std::filesystem::path& library = cuda_library_path());

}  // namespace muster::device
