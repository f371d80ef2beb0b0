#include "launcher/rehearse/kinds.h"

#include <map>
#include <tuple>

#include "runtime/base/text.h"

namespace muster::rehearse {
namespace {

using base::text;

std::string what_of(const spec::Plan& plan, const spec::RankPlan& rank) {
  std::string what;
  if (rank.train_rank) {
    what = "trains";
    if (plan.train.pp > 1)
      what += text(" stage ", spec::place_of(plan.train, *rank.train_rank).pp, " of ", plan.train.pp);
  }
  if (rank.gen_rank) {
    what += what.empty() ? "generates" : " and generates";
    if (plan.generate.pp > 1)
      what += text(" stage ", spec::place_of(plan.generate, *rank.gen_rank).pp, " of ", plan.generate.pp);
  }
  return what;
}

}  // namespace

Kind kind_of(const spec::Plan& plan, std::int64_t rank) {
  return {.rank = rank, .count = 1, .what = what_of(plan, plan.ranks.at(rank))};
}

std::vector<Kind> kinds_of(const spec::Plan& plan) {
  // (stage or -1, weights) of the trainer, then of the generator
  using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>;
  std::map<Key, std::size_t> known;
  std::vector<Kind> kinds;
  for (const spec::RankPlan& rank : plan.ranks) {
    Key key{-1, 0, -1, 0};
    if (rank.train_rank) {
      const spec::Coordinates place = spec::place_of(plan.train, *rank.train_rank);
      std::get<0>(key) = place.pp;
      std::get<1>(key) = spec::local_elements(plan.model, plan.train, place).total();
    }
    if (rank.gen_rank) {
      const spec::Coordinates place = spec::place_of(plan.generate, *rank.gen_rank);
      std::get<2>(key) = place.pp;
      std::get<3>(key) = spec::local_elements(plan.model, plan.generate, place).total();
    }
    const auto [found, is_new] = known.emplace(key, kinds.size());
    if (is_new) kinds.push_back(kind_of(plan, rank.rank));
    if (!is_new) ++kinds[found->second].count;
  }
  return kinds;
}

}  // namespace muster::rehearse
