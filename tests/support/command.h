// Runs a program to its end and keeps what it said, for tests of whole programs.
#pragma once

#include <string>
#include <vector>

namespace muster::tests {

struct CommandResult {
  int code = 0;        // exit code; 128 + signal when a signal ended it
  std::string output;  // stdout and stderr together
  double elapsed_s = 0;
};

/// The first word is a path or a name on PATH. Past `timeout_s` its process group is killed, and `output` says so.
/// throws: Error::cluster when it cannot be started.
CommandResult run_command(const std::vector<std::string>& command, double timeout_s = 60);

}  // namespace muster::tests
