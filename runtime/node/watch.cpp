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

std::optional<Silence> Watch::look(double now_s, const std::vector<Glimpse>& glimpses) {
  if (last_look_s_ >= 0 && now_s - last_look_s_ > kOwnPause_s) shift(now_s - last_look_s_);
  last_look_s_ = now_s;
  for (const Glimpse& glimpse : glimpses) {
    const auto [place, is_new] = seen_.try_emplace(glimpse.rank, Seen{glimpse.beats, glimpse.progress, now_s, now_s});
    Seen& seen = place->second;
    if (glimpse.beats != seen.beats) seen.beat_s = now_s;
    if (glimpse.progress != seen.progress) seen.progress_s = now_s;
    seen.beats = glimpse.beats;
    seen.progress = glimpse.progress;
  }
  for (const Glimpse& glimpse : glimpses) {
    const Seen& seen = seen_.at(glimpse.rank);
    const double silent_s = now_s - seen.beat_s;
    if (glimpse.beats == 0 && silent_s > budgets_.start_timeout_s)
      return Silence{glimpse.rank, base::text("it did not begin to beat within ",
                                              base::seconds_text(budgets_.start_timeout_s), " of its start")};
    if (glimpse.beats > 0 && silent_s > budgets_.beat_timeout_s)
      return Silence{glimpse.rank, base::text("no beat for ", base::seconds_text(silent_s))};
    const double still_s = now_s - seen.progress_s;
    if (still_s > budget_s(glimpse.phase))
      return Silence{glimpse.rank, base::text("it beats, but has made no progress for ", base::seconds_text(still_s),
                                              " in phase ", spec::phase_name(glimpse.phase))};
    const double lag_s = std::min(budget_s(glimpse.phase), kBeforeTimeout * budgets_.comm_timeout_s);
    if (glimpse.in_call || still_s <= lag_s) continue;
    for (const Glimpse& peer : glimpses)
      if (peer.in_call && peer.calls > glimpse.calls && now_s - seen_.at(peer.rank).progress_s > lag_s)
        return Silence{glimpse.rank,
                       base::text("it beats, but rank ", peer.rank, " has waited for it in a collective for ",
                                  base::seconds_text(now_s - seen_.at(peer.rank).progress_s), " (call ", peer.calls,
                                  " there, ", glimpse.calls, " here)")};
  }
  return std::nullopt;
}

}  // namespace muster::node
