# LibTorch as two imported targets, from the PyPI wheels that tools/setup unpacked (never find_package(Torch): it wants a
# CUDA toolkit and sets global flags). libtorch_cpu finds libcudart and libcupti beside itself by its own RUNPATH.
set(LIBTORCH_DIR ${muster_cache_default}/libtorch-2.11.0 CACHE PATH "folder that holds torch/lib and torch/include")
if(NOT EXISTS ${LIBTORCH_DIR}/torch/lib/libtorch_cpu.so)
  message(FATAL_ERROR "LibTorch 2.11 is not at ${LIBTORCH_DIR}: run tools/setup, or give -DLIBTORCH_DIR=..., or -DWITH_RUNTIME=OFF for the launcher alone")
endif()

add_library(libtorch INTERFACE)
target_include_directories(libtorch SYSTEM INTERFACE ${LIBTORCH_DIR}/torch/include ${LIBTORCH_DIR}/torch/include/torch/csrc/api/include)
target_link_directories(libtorch INTERFACE ${LIBTORCH_DIR}/torch/lib)
target_link_libraries(libtorch INTERFACE c10 torch_cpu)
target_link_options(libtorch INTERFACE -Wl,-rpath,${LIBTORCH_DIR}/torch/lib)

# One precompiled header for all rooms that hold tensors.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/tensor_pch.cpp CONTENT "// the precompiled header of the tensor rooms is built with this file\n")
add_library(tensor_pch STATIC ${CMAKE_BINARY_DIR}/tensor_pch.cpp)
target_link_libraries(tensor_pch PUBLIC muster_flags libtorch)
target_precompile_headers(tensor_pch PUBLIC
  <ATen/ATen.h> <torch/csrc/autograd/custom_function.h>
  <algorithm> <array> <chrono> <cstdint> <functional> <map> <memory> <numeric> <optional> <span> <string> <utility> <vector>)
