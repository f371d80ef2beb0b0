// One planning of files that a fuzz target wrote: it ends in a plan, or in an Error of kind user whose every fault
// names a place.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "launcher/plan/plan.h"
#include "runtime/base/error.h"

namespace muster::tests {

/// A file that each input is written to; the shipped templates and clusters are those of the source tree.
inline std::filesystem::path input_file(const std::string& name) {
  const std::string root = MUSTER_SOURCE_DIR;
  ::setenv("MUSTER_TEMPLATES", (root + "/templates").c_str(), 1);
  ::setenv("MUSTER_CLUSTERS", (root + "/clusters").c_str(), 1);
  ::setenv("XDG_CONFIG_HOME", "/nonexistent", 1);  // nobody's personal file
  const auto folder = std::filesystem::temp_directory_path() / ("muster-fuzz-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  return folder / name;
}

inline void plan_input(const std::filesystem::path& file, const std::string& input, const plan::Request& request) {
  std::ofstream(file, std::ios::binary) << input;
  try {
    plan::make_plan(request);
  } catch (const Error& error) {
    if (error.kind() != base::ErrorKind::user) throw;
    for (const base::Fault& fault : error.faults()) {
      if (!fault.where.empty()) continue;
      std::fprintf(stderr, "no place: %s\n", fault.what.c_str());
      std::abort();
    }
  }
}

}  // namespace muster::tests
