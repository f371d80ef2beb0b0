// Whether a plan holds together, whoever wrote it: every fault with its place.
#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "runtime/base/text.h"
#include "runtime/spec/memory.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/plan_places.h"

namespace muster::spec {

using base::text;

namespace {

/// Tests one plan; `add` is where every fault goes.
class PlanCheck {
 public:
  PlanCheck(const Plan& plan, const PlanPlaces& places, base::Faults& faults)
      : plan_(plan), places_(places), faults_(faults) {}

  void check() {
    check_head();
    check_degrees("train", plan_.train, train_degrees(plan_.job), places_.train);
    check_degrees("generate", plan_.generate, gen_degrees(plan_.job), places_.generate);
    check_numbers();
    check_roles();
    check_mesh("train", plan_.train, &RankPlan::train_rank);
    check_mesh("generate", plan_.generate, &RankPlan::gen_rank);
    check_nodes();
    check_environment(plan_.environment, places_.job.file);
    for (std::size_t i = 0; i < plan_.ranks.size(); ++i) check_environment(plan_.ranks[i].environment, places_.rank(i));
  }

 private:
  void add(std::string what, const std::string& where, std::string fix = "") {
    faults_.add({std::move(what), where, std::move(fix)});
  }

  void check_head() {
    if (plan_.device != "cpu" && plan_.device != "cuda")
      add(text("device = \"", plan_.device, "\""), places_.job.file, "must be \"cpu\" or \"cuda\"");
    if (plan_.num_nodes < 1) add(text("num_nodes is ", plan_.num_nodes), places_.job.file, "must be at least 1");
    if (plan_.ranks_per_node < 1)
      add(text("ranks_per_node is ", plan_.ranks_per_node), places_.job.file, "must be at least 1");
    if (plan_.ranks.empty())
      add("the plan has no ranks", places_.job.file,
          "list them: ranks = [{ rank = 0, role = \"both\", slot = 0, ... }]");
    const ModelFacts& facts = plan_.model;
    const std::string& place = places_.facts.empty() ? places_.job.file : places_.facts;
    const std::vector<std::string> wrong = contradictions(facts);
    for (const std::string& sentence : wrong)
      add("[facts]: " + sentence, place, "plan again where model.path or model.name can be read");
    if (!wrong.empty()) return;
    for (const std::int64_t token : facts.end_tokens) {
      if (token < 0 || token >= facts.vocab_size)
        add(text("end token ", token, " is not among ", facts.vocab_size, " tokens"), place);
    }
    std::vector<std::string> warnings;
    check_job(plan_.job, &facts, places_.job, faults_, warnings);
  }

  void check_degrees(const std::string& role, const Degrees& given, const Degrees& asked, const std::string& place) {
    const auto shown = [](const Degrees& d) {
      return text("tp ", d.tp, ", cp ", d.cp, ", ep ", d.ep, ", etp ", d.etp, ", dp ", d.dp, ", pp ", d.pp, ", vpp ",
                  d.vpp, ", fsdp ", d.fsdp, ", first and last stage ", d.first_stage_layers, " and ",
                  d.last_stage_layers);
    };
    if (given == asked) return;
    add(text("mesh.", role, " is ", shown(given), ", but the job asks for ", shown(asked)),
        place.empty() ? places_.job.file : place, "both must be the same");
  }

  void check_numbers() {
    std::map<std::int64_t, std::size_t> seen;
    for (std::size_t i = 0; i < plan_.ranks.size(); ++i) {
      const std::int64_t rank = plan_.ranks[i].rank;
      if (rank < 0) {
        add("a rank has no number", places_.rank(i), "write rank = 0, 1, 2, ...");
        continue;
      }
      const auto [first, is_new] = seen.emplace(rank, i);
      if (!is_new) {
        add(text("rank ", rank, " is there twice"), places_.rank(i), "the first is at " + places_.rank(first->second));
      } else if (rank >= std::ssize(plan_.ranks)) {
        add(text("rank ", rank, " of ", plan_.ranks.size(), " ranks"), places_.rank(i),
            "ranks are numbered from 0 without gaps");
      }
    }
  }

  void check_roles() {
    const bool is_split = plan_.job.placement.mode == PlacementMode::split;
    for (std::size_t i = 0; i < plan_.ranks.size(); ++i) {
      const RankPlan& rank = plan_.ranks[i];
      const bool wants_train = rank.role != Role::generate;
      const bool wants_gen = rank.role != Role::train;
      if (is_split == (rank.role == Role::both)) {
        add(text("rank ", rank.rank, " has the role ", role_name(rank.role), " in a ", is_split ? "split" : "colocated",
                 " plan"),
            places_.rank(i), is_split ? "split: each rank is train or generate" : "colocated: each rank is both");
      }
      if (rank.train_rank.has_value() != wants_train) {
        add(text("rank ", rank.rank,
                 wants_train ? " trains, but has no train_rank" : " only generates, but has a train_rank"),
            places_.rank(i));
      }
      if (rank.gen_rank.has_value() != wants_gen) {
        add(text("rank ", rank.rank,
                 wants_gen ? " generates, but has no gen_rank" : " only trains, but has a gen_rank"),
            places_.rank(i));
      }
    }
  }

  void check_mesh(const std::string& role, const Degrees& degrees, std::optional<std::int64_t> RankPlan::*place) {
    std::map<std::int64_t, std::size_t> taken;
    for (std::size_t i = 0; i < plan_.ranks.size(); ++i) {
      const std::optional<std::int64_t>& at = plan_.ranks[i].*place;
      if (!at) continue;
      if (*at < 0 || *at >= degrees.ranks()) {
        add(text("rank ", plan_.ranks[i].rank, " stands at place ", *at, " of the ", role, " mesh, which has ",
                 degrees.ranks()),
            places_.rank(i));
        continue;
      }
      const auto [first, is_new] = taken.emplace(*at, i);
      if (!is_new) {
        add(text("place ", *at, " of the ", role, " mesh is taken twice, by rank ", plan_.ranks[first->second].rank,
                 " and rank ", plan_.ranks[i].rank),
            places_.rank(i), "the first is at " + places_.rank(first->second));
      }
    }
    if (std::ssize(taken) < degrees.ranks()) {
      add(text("the ", role, " mesh tp ", degrees.tp, " x cp ", degrees.cp, " x dp ", degrees.dp, " x pp ", degrees.pp,
               " = ", degrees.ranks(), " has ranks at ", taken.size(), " of its places"),
          role == "train" && !places_.train.empty()      ? places_.train
          : role != "train" && !places_.generate.empty() ? places_.generate
                                                         : places_.job.file,
          "each place needs one rank");
    }
  }

  void check_nodes() {
    std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> taken, devices;
    std::map<std::int64_t, std::size_t> first_of_slot;
    for (std::size_t i = 0; i < plan_.ranks.size(); ++i) {
      const RankPlan& rank = plan_.ranks[i];
      const std::string& place = places_.rank(i);
      if (rank.node_slot < 0 || rank.node_slot >= plan_.num_nodes) {
        add(text("rank ", rank.rank, " stands on node slot ", rank.node_slot, ", but there are ", plan_.num_nodes,
                 " (from 0)"),
            place);
      }
      if (rank.local_rank < 0 || rank.local_rank >= plan_.ranks_per_node) {
        add(text("rank ", rank.rank, " has local rank ", rank.local_rank, ", but a node has ", plan_.ranks_per_node,
                 " ranks"),
            place);
      }
      const auto [other, is_new] = taken.emplace(std::pair{rank.node_slot, rank.local_rank}, i);
      if (!is_new) {
        add(text("rank ", rank.rank, " and rank ", plan_.ranks[other->second].rank, " both are local rank ",
                 rank.local_rank, " of node slot ", rank.node_slot),
            place);
      }
      if (plan_.device == "cuda") check_device(rank, place, devices, i);
      const auto [head, is_first] = first_of_slot.emplace(rank.node_slot, i);
      if (!is_first && plan_.ranks[head->second].role != rank.role) {
        add(text("node slot ", rank.node_slot, " holds roles ", role_name(plan_.ranks[head->second].role), " and ",
                 role_name(rank.role)),
            place, "each role has node slots of its own");
      }
    }
    const auto empty = plan_.num_nodes - std::ssize(first_of_slot);
    if (empty > plan_.job.placement.spares) {
      add(text(empty, " of ", plan_.num_nodes, " node slots have no rank, but placement.spares is ",
               plan_.job.placement.spares),
          places_.job.file);
    }
  }

  void check_device(const RankPlan& rank, const std::string& place,
                    std::map<std::pair<std::int64_t, std::int64_t>, std::size_t>& devices, std::size_t index) {
    if (rank.device < 0 || rank.device >= plan_.ranks_per_node) {
      add(text("rank ", rank.rank, " uses device ", rank.device, " of ", plan_.ranks_per_node), place);
    }
    const auto [other, is_new] = devices.emplace(std::pair{rank.node_slot, rank.device}, index);
    if (!is_new)
      add(text("rank ", rank.rank, " and rank ", plan_.ranks[other->second].rank, " share device ", rank.device,
               " of node slot ", rank.node_slot),
          place);
  }

  void check_environment(const std::vector<EnvironmentValue>& environment, const std::string& place) {
    std::set<std::string> seen;
    for (const EnvironmentValue& entry : environment) {
      const bool is_name = !entry.name.empty() && std::isdigit(static_cast<unsigned char>(entry.name[0])) == 0 &&
                           std::all_of(entry.name.begin(), entry.name.end(),
                                       [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
      if (!is_name)
        add(text("\"", entry.name, "\" is no name of an environment variable"), place, "use letters, digits and _");
      if (entry.value.find('\0') != std::string::npos) add(text(entry.name, " holds a zero byte"), place);
      if (entry.name.starts_with("MUSTER_RANK") || entry.name == "MUSTER_PLAN" || entry.name == "MUSTER_PLACEMENT" ||
          entry.name == "MUSTER_BEAT_FD" || entry.name == "MUSTER_REWARD_FDS") {
        add(text(entry.name, " is given by the node agent"), place, "take it out");
      }
      if (!seen.insert(entry.name).second) add(text(entry.name, " is set twice"), place, "keep one");
    }
  }

  const Plan& plan_;
  const PlanPlaces& places_;
  base::Faults& faults_;
};

}  // namespace

void check_plan_faults(const Plan& plan, const PlanPlaces& places, base::Faults& faults) {
  PlanCheck(plan, places, faults).check();
}

void check_plan(const Plan& plan, const std::string& where) {
  base::Faults faults;
  PlanPlaces places;
  places.job.file = where;
  for (const RankPlan& rank : plan.ranks) places.ranks.push_back(text(where, ", rank ", rank.rank));
  check_plan_faults(plan, places, faults);
  faults.throw_if_any();
}

}  // namespace muster::spec
