# What the parts of libmuster_cuda.so are compiled with. The GPU architectures are MUSTER_CUDA_ARCHS; their flags and the one for C++20
# are given by hand, for Debian's CMake is older than the toolkit.
set(CMAKE_CUDA_COMPILER ${MUSTER_NVCC})
set(CMAKE_CUDA_ARCHITECTURES OFF)
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)  # the one that LibTorch uses
enable_language(CUDA)
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
get_filename_component(cuda_toolkit ${MUSTER_NVCC} DIRECTORY)
get_filename_component(cuda_toolkit ${cuda_toolkit} DIRECTORY)

set(FLASHINFER_DIR ${muster_cache_default}/flashinfer-0.6.6 CACHE PATH "folder of FlashInfer's headers: include/flashinfer")
if(NOT EXISTS ${FLASHINFER_DIR}/include/flashinfer/attention/prefill.cuh)
  message(FATAL_ERROR "FlashInfer's headers are not at ${FLASHINFER_DIR}: run tools/setup, or give -DFLASHINFER_DIR=..., or -DWITH_CUDA=OFF")
endif()

set(generate_code "")
foreach(arch ${MUSTER_CUDA_ARCHS})
  string(APPEND generate_code " -gencode=arch=compute_${arch},code=sm_${arch}")
endforeach()
add_library(cuda_flags INTERFACE)
target_link_libraries(cuda_flags INTERFACE muster_flags)
target_include_directories(cuda_flags SYSTEM INTERFACE ${FLASHINFER_DIR}/include ${cuda_toolkit}/include ${LIBTORCH_DIR}/torch/include
                           ${LIBTORCH_DIR}/torch/include/torch/csrc/api/include)
target_compile_options(cuda_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:-O3 ${generate_code}>")
