// `muster logs`: what a rank wrote, and with -f what it goes on to write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/cli/verb.h"

namespace muster::status {

cli::Verb logs_verb();

struct LogsOptions {
  std::vector<std::string> words;  // RUN
  bool follow = false;
  std::optional<std::int64_t> rank;
};
/// --rank R: that rank's log, with -f as it grows until the run is over. Without --rank: the writer's log, or with -f
/// the progress. With -f it returns the exit code of the attempt that it followed. throws: Error::cluster where that is
/// over and left no verdict.
int print_logs(const LogsOptions& options);

}  // namespace muster::status
