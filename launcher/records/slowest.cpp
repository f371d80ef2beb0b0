#include "launcher/records/slowest.h"

#include <algorithm>
#include <map>
#include <set>

#include "launcher/page/charts.h"
#include "launcher/records/step_statistics.h"
#include "runtime/base/text.h"

namespace muster::records {

using page::phase_shares;
using page::PhaseShare;
namespace {

std::string host_of(const spec::Plan& plan, const std::vector<std::string>& hosts, std::int64_t rank) {
  if (rank < 0 || rank >= std::ssize(plan.ranks)) return "";
  const auto slot = static_cast<std::size_t>(plan.ranks[rank].node_slot);
  return slot < hosts.size() ? hosts[slot] : "";
}

template <class Key>
typename std::map<Key, std::int64_t>::const_iterator most_often(const std::map<Key, std::int64_t>& counts) {
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; });
}

}  // namespace

std::vector<Slowest> slowest_of(const spec::Plan& plan, const std::vector<const spec::StepRecord*>& steps,
                                const std::vector<std::string>& hosts) {
  const auto first = steps.end() - std::min<std::ptrdiff_t>(kRecentSteps, std::ssize(steps));
  std::map<std::string, double> seconds;
  std::map<std::string, std::vector<std::int64_t>> ranks;
  for (auto step = first; step != steps.end(); ++step) {
    for (const auto& [phase, rank] : (*step)->slowest_rank) ranks[phase].push_back(rank);
    for (const auto& [phase, spent_s] : (*step)->phases) seconds[phase] += spent_s;
  }
  const bool several = std::set<std::string>(hosts.begin(), hosts.end()).size() > 1;
  std::vector<Slowest> list;
  for (const PhaseShare& share : phase_shares(seconds)) {
    const auto found = ranks.find(share.name);
    if (found == ranks.end()) continue;
    Slowest one{.phase = share.name, .of = std::ssize(found->second)};
    one.seconds = share.seconds / static_cast<double>(steps.end() - first);
    std::map<std::string, std::int64_t> by_host;
    std::map<std::int64_t, std::int64_t> by_rank;
    for (const std::int64_t rank : found->second) ++by_host[host_of(plan, hosts, rank)];
    one.host = most_often(by_host)->first;
    for (const std::int64_t rank : found->second)
      if (host_of(plan, hosts, rank) == one.host) ++by_rank[rank];
    one.rank = most_often(by_rank)->first;
    one.times = several ? by_host[one.host] : by_rank[one.rank];
    list.push_back(std::move(one));
  }
  return list;
}

std::string slowest_text(const Slowest& slowest) {
  return base::text(slowest.phase, " ", slowest.host, slowest.host.empty() ? "" : " ", "rank ", slowest.rank, " (",
                    slowest.times, " of ", slowest.of, ")");
}

}  // namespace muster::records
