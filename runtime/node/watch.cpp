#include "runtime/node/watch.h"

#include <algorithm>

#include "runtime/base/text.h"

namespace muster::node {
namespace {

constexpr double kOwnPause_s = 3;       // a longer time between two looks is the agent's own standstill
constexpr double kBeforeTimeout = 0.9;  // the rank that is waited for is named before its peers' collectives time out

}  // namespace

double Watch::still_s(std::int64_t rank, double now_s) const {
  const auto seen = seen_.find(rank);
  return seen == seen_.end() ? 0 : now_s - seen->second.progress_s;
}

double Watch::budget_s(spec::Phase phase) const {
  const bool starts = phase == spec::Phase::start || phase == spec::Phase::load;
  return starts ? budgets_.start_timeout_s : budgets_.stall_timeout_s;
}

void Watch::shift(double gap_s) {
  for (auto& [rank, seen] : seen_) {
    seen.beat_s += gap_s;
    seen.progress_s += gap_s;
  }
}

std::optional<SilentRank> Watch::check(double now_s, const std::vector<RankSnapshot>& snapshots) {
  if (last_look_s_ >= 0 && now_s - last_look_s_ > kOwnPause_s) shift(now_s - last_look_s_);
  last_look_s_ = now_s;
  for (const RankSnapshot& snapshot : snapshots) {
    const auto [place, is_new] =
        seen_.try_emplace(snapshot.rank, Seen{snapshot.beats, snapshot.progress, now_s, now_s});
    Seen& seen = place->second;
    if (snapshot.beats != seen.beats) seen.beat_s = now_s;
    if (snapshot.progress != seen.progress) seen.progress_s = now_s;
    seen.beats = snapshot.beats;
    seen.progress = snapshot.progress;
  }
  for (const RankSnapshot& snapshot : snapshots) {
    const Seen& seen = seen_.at(snapshot.rank);
    const double silent_s = now_s - seen.beat_s;
    if (snapshot.beats == 0 && silent_s > budgets_.start_timeout_s)
      return SilentRank{snapshot.rank, base::text("it did not begin to beat within ",
                                                  base::seconds_text(budgets_.start_timeout_s), " of its start")};
    if (snapshot.beats > 0 && silent_s > budgets_.beat_timeout_s)
      return SilentRank{snapshot.rank, base::text("no beat for ", base::seconds_text(silent_s))};
    const double still_s = now_s - seen.progress_s;
    if (still_s > budget_s(snapshot.phase))
      return SilentRank{snapshot.rank,
                        base::text("it beats, but has made no progress for ", base::seconds_text(still_s), " in phase ",
                                   spec::phase_name(snapshot.phase))};
    const double lag_s = std::min(budget_s(snapshot.phase), kBeforeTimeout * budgets_.comm_timeout_s);
    if (snapshot.in_call || still_s <= lag_s) continue;
    for (const RankSnapshot& peer : snapshots)
      if (peer.in_call && peer.calls > snapshot.calls && now_s - seen_.at(peer.rank).progress_s > lag_s)
        return SilentRank{snapshot.rank,
                          base::text("it beats, but rank ", peer.rank, " has waited for it in a collective for ",
                                     base::seconds_text(now_s - seen_.at(peer.rank).progress_s), " (call ", peer.calls,
                                     " there, ", snapshot.calls, " here)")};
  }
  return std::nullopt;
}

}  // namespace muster::node
