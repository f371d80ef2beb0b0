// `muster selftest`: the proof that the loop learns, and learns for the right reason. Runs a tiny job for each seed
// and, with controls, four sabotaged runs that must fail; each is an ordinary `muster run` in a folder of its own.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/cli/verb.h"

namespace muster::selftest {

struct Options {
  std::string job = "reverse-digits";
  std::vector<long> seeds{0};
  std::vector<std::string> controls;  // names of sabotage; with --controls all four
  bool json = false;
  std::filesystem::path run_folder;    // where the runs lie; empty: runs/selftest-<time>
  std::vector<std::string> overrides;  // --set key=value for every run
};

cli::Verb selftest_verb();
/// Returns the exit code: 0 passed, 4 not. throws: Error::user.
int run_selftest(const Options& options);

}  // namespace muster::selftest
