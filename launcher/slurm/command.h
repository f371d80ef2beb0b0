// Runs one of Slurm's commands to its end: what it said, with a deadline.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace muster::slurm {

struct CommandResult {
  int code = 0;            // 128 + signal when a signal ended it
  bool timed_out = false;  // it was killed at the deadline
  std::string output, errors;
};

/// `environment`: NAME=value; none: command_environment of ours. throws: Error::cluster when the program is not there.
CommandResult run_command(const std::vector<std::string>& command, double timeout_s,
                          const std::optional<std::vector<std::string>>& environment = {});

}  // namespace muster::slurm
