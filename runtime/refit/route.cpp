#include "runtime/refit/route.h"

#include <algorithm>
#include <unordered_map>

#include "runtime/base/error.h"
#include "runtime/refit/holders.h"

namespace muster::refit {
namespace {

void check_layouts(const RefitLayouts& layouts) {
  INVARIANT(std::ssize(layouts.train_ranks) == layouts.train.ranks(), "each training rank has its place in the run");
  INVARIANT(std::ssize(layouts.gen_ranks) == layouts.generate.ranks(), "each generating rank has its place in the run");
}

}  // namespace

void for_route(const spec::ModelFacts& facts, const RefitLayouts& layouts,
               const std::function<void(const Transfer&)>& visit) {
  check_layouts(layouts);
  const Holders train(facts, layouts.train, layouts.train_ranks), generate(facts, layouts.generate, layouts.gen_ranks);
  std::unordered_map<std::int64_t, std::int64_t> sent_elements;  // of each source so far
  const auto sent_less = [&](std::int64_t a, std::int64_t b) { return sent_elements[a] < sent_elements[b]; };
  Transfer transfer;
  for (const spec::Parameter& parameter : spec::parameters_of(facts)) {
    const std::vector<Holding> sources = train.of(parameter);
    for (const Holding& wanted : generate.of(parameter)) {
      std::int64_t covered = 0;
      for (const Holding& holding : sources) {
        transfer.box = spec::intersection(wanted.box, holding.box);
        const std::int64_t elements = transfer.box.numel();
        if (elements == 0) continue;
        covered += elements;
        for (const std::int64_t target : wanted.ranks) {
          transfer.source = transfer.target = target;
          if (std::find(holding.ranks.begin(), holding.ranks.end(), target) == holding.ranks.end()) {
            transfer.source = *std::min_element(holding.ranks.begin(), holding.ranks.end(), sent_less);
            sent_elements[transfer.source] += elements;
          }
          visit(transfer);
        }
      }
      INVARIANT(covered == wanted.box.numel(),
                "the trainer's boxes of " + parameter.name + " cover it without overlap");
    }
    ++transfer.parameter;
  }
}

std::vector<Transfer> plan_route(const spec::ModelFacts& facts, const RefitLayouts& layouts) {
  std::vector<Transfer> route;
  for_route(facts, layouts, [&](const Transfer& transfer) { route.push_back(transfer); });
  return route;
}

std::int64_t least_elements(const spec::ModelFacts& facts, const RefitLayouts& layouts) {
  check_layouts(layouts);
  const Holders train(facts, layouts.train, layouts.train_ranks), generate(facts, layouts.generate, layouts.gen_ranks);
  std::int64_t elements = 0;
  for (const spec::Parameter& parameter : spec::parameters_of(facts)) {
    const std::vector<Holding> sources = train.of(parameter);
    for (const Holding& wanted : generate.of(parameter)) {
      elements += wanted.box.numel() * std::ssize(wanted.ranks);
      for (const Holding& holding : sources) {
        const std::int64_t shared = spec::intersection(wanted.box, holding.box).numel();
        if (shared == 0) continue;
        for (const std::int64_t rank : holding.ranks)
          if (std::find(wanted.ranks.begin(), wanted.ranks.end(), rank) != wanted.ranks.end()) elements -= shared;
      }
    }
  }
  return elements;
}

}  // namespace muster::refit
