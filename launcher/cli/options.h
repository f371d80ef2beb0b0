// Options of the verbs that have none of their own yet.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "launcher/cli/verb.h"
#include "launcher/cluster/wishes.h"

namespace muster::cli {

/// What was typed after the verb. A verb sees only the options that it has; the others keep their defaults.
struct Options {
  std::string verb;
  std::vector<std::string>
      words;  // JOB of plan, run, submit; RUN (folder or job id) of status, logs, cancel; words after supervise
  std::string cluster;                       // --cluster; empty: local
  std::vector<std::string> overrides;        // --set key=value, each
  std::filesystem::path run_dir;             // --run-dir
  std::filesystem::path plan_file;           // --plan
  bool new_binaries = false;                 // --new-binaries
  bool data_changed = false;                 // --data-changed
  std::string sort;                          // rows --sort
  bool runs = false;                         // rows --runs
  std::filesystem::path model;               // evaluate --model
  bool json = false, resolved = false;       // --json, --resolved
  bool schedule = false;                     // plan --schedule
  bool steps = false, cluster_keys = false;  // keys --steps, keys --cluster
  bool personal_keys = false;                // keys --personal
  bool follow = false;                       // logs -f
  std::optional<std::int64_t> rank;          // logs --rank, rehearse --rank
  bool all_kinds = false;                    // rehearse --all-kinds
  std::string lengths, experts;              // rehearse --lengths, --experts
  std::optional<std::int64_t> seed, seeds;   // selftest --seed S, --seeds N
  bool submit = false;                       // doctor --submit
  bool preflight = false;                    // run, submit: sets placement.preflight
  bool detach = false;                       // run --detach
  bool controls = false;                     // selftest --controls
  bool wants_help = false;                   // --help
  std::filesystem::path output;              // cluster probe --output
  cluster::Wishes wishes;                    // --account, --partition, ..., --sbatch-flag
  std::vector<std::string> control_names;    // selftest --control NAME, each
};

/// A verb that still has its flags among the fields above. `flags`: their ids.
Verb make_old_verb(VerbPage page, std::vector<std::string> flags, std::function<int(const Options&)> run);

}  // namespace muster::cli
