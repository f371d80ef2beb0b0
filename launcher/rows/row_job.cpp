#include "launcher/rows/row_job.h"

#include <filesystem>

#include "launcher/cluster/cluster.h"
#include "runtime/base/files.h"
#include "runtime/spec/toml_reader.h"

namespace muster::rows {

spec::Job job_of(const PublishedRow& row) {
  const std::filesystem::path templates = cluster::shipped_folder("templates");
  const std::filesystem::path file = templates / "jobs" / (row.job + ".toml");
  base::Faults faults;
  const spec::Job job = spec::read_job({.text = base::read_file(file), .where = file.string(), .overrides = {}},
                                       templates / "bases", faults);
  faults.throw_if_any();
  return job;
}

}  // namespace muster::rows
