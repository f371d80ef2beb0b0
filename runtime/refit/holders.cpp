// What a box depends on: the stage, the place along tp (of an expert along ep and etp), and with fsdp along dp and cp.
#include "runtime/refit/holders.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace muster::refit {

Holders::Holders(const spec::ModelFacts& facts, const spec::Degrees& degrees,
                 const std::vector<std::int64_t>& run_ranks)
    : facts_(facts), degrees_(degrees), run_ranks_(run_ranks) {
  using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>;
  std::map<Key, std::size_t> dense, experts;
  const auto join = [](std::map<Key, std::size_t>& known, std::vector<Alike>& groups, const Key& key,
                       const spec::Coordinates& place, std::int64_t role_rank) {
    const auto [found, is_new] = known.try_emplace(key, groups.size());
    if (is_new) groups.push_back({.place = place});
    groups[found->second].role_ranks.push_back(role_rank);
  };
  for (std::int64_t role_rank = 0; role_rank < degrees.ranks(); ++role_rank) {
    const spec::Coordinates place = spec::place_of(degrees, role_rank);
    const std::int64_t share = degrees.fsdp == 1 ? place.cp + degrees.cp * place.dp : 0;
    join(dense, of_dense_, {place.pp, place.tp, 0, share}, place, role_rank);
    join(experts, of_experts_, {place.pp, place.ep, place.etp, share}, place, role_rank);
  }
}

std::vector<Holding> Holders::of(const spec::Parameter& parameter) const {
  const bool is_expert = parameter.expert >= 0;
  const std::int64_t stage =
      parameter.layer < 0 ? -1 : spec::stage_of_layer(degrees_, facts_.num_layers, parameter.layer);
  const std::int64_t experts_of_rank = is_expert ? facts_.num_experts / degrees_.ep : 1;
  std::vector<Holding> holdings;  // by role rank for the moment
  for (const Alike& group : is_expert ? of_experts_ : of_dense_) {
    if (stage >= 0 && group.place.pp != stage) continue;
    if (is_expert && parameter.expert / experts_of_rank != group.place.ep) continue;
    spec::Box box = spec::box_of(facts_, parameter, degrees_, group.place);
    if (box.numel() == 0) continue;
    auto found =
        std::find_if(holdings.begin(), holdings.end(), [&](const Holding& holding) { return holding.box == box; });
    if (found == holdings.end()) found = holdings.insert(holdings.end(), {.box = std::move(box)});
    found->ranks.insert(found->ranks.end(), group.role_ranks.begin(), group.role_ranks.end());
  }
  for (Holding& holding : holdings) {
    std::sort(holding.ranks.begin(), holding.ranks.end());
    for (std::int64_t& rank : holding.ranks) rank = run_ranks_[rank];
  }
  return holdings;
}

}  // namespace muster::refit
