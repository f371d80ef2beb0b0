#include "runtime/refit/route.h"

#include <algorithm>
#include <unordered_map>

#include "runtime/base/error.h"

namespace muster::refit {
namespace {

/// A part of a parameter and the ranks of the run that train it.
struct Holding {
  spec::Box box;
  std::vector<std::int64_t> ranks;
};

/// The distinct boxes of the trainer, in order of their first rank. They do not overlap: a table cuts a parameter into
/// equal parts.
std::vector<Holding> holdings_of(const spec::ModelFacts& facts, const RefitLayouts& layouts,
                                 const spec::Parameter& parameter) {
  std::vector<Holding> holdings;
  for (std::size_t role_rank = 0; role_rank < layouts.train_ranks.size(); ++role_rank) {
    spec::Box box = spec::box_of(facts, parameter, layouts.train,
                                 spec::place_of(layouts.train, static_cast<std::int64_t>(role_rank)));
    if (box.numel() == 0) continue;
    auto found =
        std::find_if(holdings.begin(), holdings.end(), [&](const Holding& holding) { return holding.box == box; });
    if (found == holdings.end()) found = holdings.insert(holdings.end(), {.box = std::move(box)});
    found->ranks.push_back(layouts.train_ranks[role_rank]);
  }
  return holdings;
}

void check_layouts(const RefitLayouts& layouts) {
  INVARIANT(std::ssize(layouts.train_ranks) == layouts.train.ranks(), "each training rank has its place in the run");
  INVARIANT(std::ssize(layouts.gen_ranks) == layouts.generate.ranks(), "each generating rank has its place in the run");
}

}  // namespace

std::vector<Transfer> plan_route(const spec::ModelFacts& facts, const RefitLayouts& layouts) {
  check_layouts(layouts);
  const std::vector<spec::Parameter> parameters = spec::parameters_of(facts);
  std::unordered_map<std::int64_t, std::int64_t> sent_elements;  // of each source so far
  std::vector<Transfer> route;
  for (std::size_t index = 0; index < parameters.size(); ++index) {
    const std::vector<Holding> holdings = holdings_of(facts, layouts, parameters[index]);
    for (std::size_t role_rank = 0; role_rank < layouts.gen_ranks.size(); ++role_rank) {
      const std::int64_t target = layouts.gen_ranks[role_rank];
      const spec::Box wanted = spec::box_of(facts, parameters[index], layouts.generate,
                                            spec::place_of(layouts.generate, static_cast<std::int64_t>(role_rank)));
      std::int64_t covered = 0;
      for (const Holding& holding : holdings) {
        spec::Box box = spec::intersection(wanted, holding.box);
        const std::int64_t elements = box.numel();
        if (elements == 0) continue;
        covered += elements;
        std::int64_t source = target;
        if (std::find(holding.ranks.begin(), holding.ranks.end(), target) == holding.ranks.end()) {
          source = *std::min_element(holding.ranks.begin(), holding.ranks.end(), [&](std::int64_t a, std::int64_t b) {
            return sent_elements[a] < sent_elements[b];
          });
          sent_elements[source] += elements;
        }
        route.push_back({static_cast<std::int64_t>(index), std::move(box), source, target});
      }
      INVARIANT(covered == wanted.numel(),
                "the trainer's boxes of " + parameters[index].name + " cover it without overlap");
    }
  }
  return route;
}

std::int64_t least_elements(const spec::ModelFacts& facts, const RefitLayouts& layouts) {
  check_layouts(layouts);
  std::int64_t elements = 0;
  for (const spec::Parameter& parameter : spec::parameters_of(facts)) {
    for (std::size_t gen_rank = 0; gen_rank < layouts.gen_ranks.size(); ++gen_rank) {
      const spec::Box wanted = spec::box_of(facts, parameter, layouts.generate,
                                            spec::place_of(layouts.generate, static_cast<std::int64_t>(gen_rank)));
      elements += wanted.numel();
      const auto same = std::find(layouts.train_ranks.begin(), layouts.train_ranks.end(), layouts.gen_ranks[gen_rank]);
      if (same == layouts.train_ranks.end()) continue;
      const spec::Coordinates place = spec::place_of(layouts.train, same - layouts.train_ranks.begin());
      elements -= spec::intersection(wanted, spec::box_of(facts, parameter, layouts.train, place)).numel();
    }
  }
  return elements;
}

}  // namespace muster::refit
