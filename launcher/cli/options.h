// Words typed by a person -> Options, for every verb. Boost.Program_options stays in the .cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

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

/// One option of a verb. `value`: the word for its value in the help, empty for a switch.
struct Flag {
  std::string id;    // by which a verb names it
  std::string name;  // as typed: "run-dir", or "follow,f" with its letter
  std::string value;
  std::string meaning;
};

/// One verb: what `--help` says of it and what it does.
struct Verb {
  std::string name;
  std::string usage;               // "JOB [--cluster C] ..."
  std::string summary;             // one line
  std::string example;             // one command line
  std::vector<std::string> flags;  // ids of known_flags()
  std::size_t max_words = 0;
  std::function<int(const Options&)> run;  // the exit code
  bool is_for_people = true;               // supervise is not
  bool prints_its_answer = true;           // false: the exit code tells what it did, whether or not its words arrived
};

/// Parses and runs; every error is printed as "muster: ..." and becomes its exit code. `arguments` without the
/// program's name.
int run_command_line(const std::vector<std::string>& arguments, const std::vector<Verb>& verbs);

/// throws: Error::user with the nearest word. `verb` must be one of the table.
Options parse_options(const Verb& verb, const std::vector<std::string>& arguments);
std::string help_text(const std::vector<Verb>& verbs);
std::string help_text(const Verb& verb);
/// The ids of what a verb that asks Slurm takes beside its own.
const std::vector<std::string>& wish_flags();
/// Every option that a verb may have.
const std::vector<Flag>& known_flags();
/// One of them.
const Flag& flag_of(const std::string& id);

}  // namespace muster::cli
