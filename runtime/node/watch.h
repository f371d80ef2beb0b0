// When is a rank silent? Pure: what the agent saw and when goes in, a sentence comes out. A rank is silent when its
// beat stops, when it beats but its progress does not rise for the budget of its phase, or when it holds up peers that
// wait inside a collective. A slow rank that still moves is not silent.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/spec/job.h"
#include "runtime/spec/memory.h"

namespace muster::node {

/// One rank at one moment, as its beat page shows it.
struct RankSnapshot {
  std::int64_t rank = 0;
  std::uint64_t beats = 0, progress = 0, calls = 0;
  bool in_call = false;
  spec::Phase phase = spec::Phase::start;
};

struct SilentRank {
  std::int64_t rank = 0;
  std::string reason;  // "no beat for 10 s"
};

class Watch {
 public:
  explicit Watch(const spec::WatchdogJob& budgets) : budgets_(budgets) {}
  /// `snapshots`: the ranks of this node that still run; `now_s` of the steady clock. Call it about every half second:
  /// when it was not called for long, the agent itself stood still (a suspended job, a debugger) and that time counts
  /// against nobody.
  std::optional<SilentRank> check(double now_s, const std::vector<RankSnapshot>& snapshots);
  /// Since the rank's progress rose, as far as it was looked at.
  double still_s(std::int64_t rank, double now_s) const;

 private:
  struct Seen {
    std::uint64_t beats = 0, progress = 0;
    double beat_s = 0, progress_s = 0;  // when they last rose
  };
  double budget_s(spec::Phase phase) const;
  void shift(double gap_s);

  spec::WatchdogJob budgets_;
  std::map<std::int64_t, Seen> seen_;
  double last_look_s_ = -1;
};

}  // namespace muster::node
