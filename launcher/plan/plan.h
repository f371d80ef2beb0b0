// Job x cluster -> spec::Plan: how many nodes, which rank stands where, what each finds in its environment; or why it
// does not fit. Opens only job, cluster and template files and, where it is there, the model's config.json. Decides and
// does nothing.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/cluster/user_settings.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/toml_reader.h"

namespace muster::plan {

struct Request {
  std::string job;                           // path, or the name of a shipped template or published row
  std::vector<std::string> overrides;        // --set, as typed
  std::string cluster = "local";             // path, or the name of a shipped cluster
  std::filesystem::path run_folder;          // empty: the plan is only shown
  cluster::UserSettings user_settings = {};  // flags, which win over the personal file
  bool paths_must_exist = false;             // run and submit: a missing model or data path is an error, not a warning
  const spec::Plan* of_run = nullptr;        // the job of this plan under other settings, instead of `job`
};

struct Planned {
  spec::Plan plan;
  cluster::Cluster cluster;
  std::filesystem::path job_file;
  spec::KeyPlaces places;  // of the job's keys
};

/// throws: Error::user with every fault of the job at once; of the cluster file first.
Planned make_plan(const Request& request);

/// The job file that `word` means. throws: Error::user with the nearest template.
std::filesystem::path find_job(const std::string& word);
/// Which release of Muster this is.
const char* version();

}  // namespace muster::plan
