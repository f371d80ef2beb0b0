// Nothing is left behind: what descendants orphan comes to this process instead of init, and is ended with it.
#pragma once

#include <sys/types.h>

#include <span>
#include <vector>

namespace muster::base {

/// Makes this process the subreaper of all that it starts, also of programs that made a session of their own. Children
/// that were there before are spared.
class Subreaper {
 public:
  Subreaper();
  Subreaper(const Subreaper&) = delete;
  Subreaper& operator=(const Subreaper&) = delete;

  /// Reaps the orphans that have ended; never one of `own`, which are waited for elsewhere.
  void reap_orphans(std::span<const pid_t> own) const;
  /// Kills and reaps everything below this process, until nothing is left or `patience_s` is over. Returns how many
  /// processes were killed.
  int end_rest(double patience_s) const;

 private:
  std::vector<pid_t> before_;
};

/// The children of this process, those that have ended and were not waited for among them.
std::vector<pid_t> children();

}  // namespace muster::base
