// What a run was made of: RUN/origin.json. The plan says what a run is; this says from which job file and settings it
// came, and from which checkpoint of another run it began, if from one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace muster::spec {

struct Origin {
  std::string job_file;                // absolute; empty where a plan was run as it is
  std::string cluster;                 // as it was typed
  std::vector<std::string> overrides;  // --set, as typed
  std::string from_run;                // folder of the run whose checkpoint it began with, or ""
  std::int64_t from_step = 0;          // of that checkpoint: the steps up to it are in the records of that run
  bool operator==(const Origin&) const = default;
};

std::filesystem::path origin_file(const std::filesystem::path& run_folder);
/// throws: Error::user when it cannot be written.
void write_origin(const std::filesystem::path& run_folder, const Origin& origin);
/// None where there is no such file: a run of an older version. throws: Error::user when the file is broken.
std::optional<Origin> read_origin(const std::filesystem::path& run_folder);

}  // namespace muster::spec
