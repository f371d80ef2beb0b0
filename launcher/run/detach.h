// `muster run --detach`: the run goes on in a session of its own, and the terminal that began it may close.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "runtime/base/files.h"

namespace muster::run {

/// The side of the run, which its starter waits for.
class Background {
 public:
  /// From here on stdout goes to this file; what goes wrong before the run has begun is still said to the starter's
  /// stderr. throws: Error::user when it cannot be written.
  void print_to(const std::filesystem::path& log);
  /// The starter prints `page` and leaves with 0; from here on stderr goes to the file too.
  void report_begun(const std::string& page);
  bool has_begun() const { return !starter_; }

 private:
  friend std::optional<int> detach(Background& background);
  base::Descriptor starter_;  // a pipe to it; empty once the run has begun
};

/// Forks; call it before any thread is started. In the background process: none, and the caller goes on with
/// `background`. In the starter: 0 as soon as the run has begun, else the exit code of the process that ended before;
/// INT, TERM and HUP go to that process meanwhile.
std::optional<int> detach(Background& background);

}  // namespace muster::run
