#include "launcher/plan/links.h"

#include <algorithm>
#include <map>
#include <set>

#include "runtime/base/columns.h"
#include "runtime/base/text.h"

namespace muster::plan {

using base::text;

namespace {

struct Role {
  const char* name;
  const spec::Degrees& degrees;
  std::vector<const spec::RankPlan*> ranks;  // by role rank
};

std::vector<Role> roles_of(const spec::Plan& plan) {
  const auto role = [&](const char* name, const spec::Degrees& degrees, auto member) {
    Role found{name, degrees, std::vector<const spec::RankPlan*>(static_cast<std::size_t>(degrees.ranks()))};
    for (const spec::RankPlan& rank : plan.ranks)
      if (rank.*member) found.ranks.at(*(rank.*member)) = &rank;
    return found;
  };
  return {role("train", plan.train, &spec::RankPlan::train_rank),
          role("gen", plan.generate, &spec::RankPlan::gen_rank)};
}

/// Local ranks of a group by node slot.
using Places = std::map<std::int64_t, std::set<std::int64_t>>;

Link link_of(const Places& places, std::int64_t segment_nodes) {
  if (places.size() == 1) return Link::node;
  if (segment_nodes > 0 && places.begin()->first / segment_nodes == places.rbegin()->first / segment_nodes)
    return Link::domain;
  const bool is_even = std::all_of(places.begin(), places.end(),
                                   [&](const auto& place) { return place.second == places.begin()->second; });
  return is_even ? Link::rail : Link::spine;
}

AxisLinks links_of(const Role& role, spec::Axis axis, std::int64_t segment_nodes) {
  std::map<std::int64_t, Places> groups;
  for (std::size_t rank = 0; rank < role.ranks.size(); ++rank) {
    const spec::RankPlan& place = *role.ranks[rank];
    groups[spec::group_index(role.degrees, axis, static_cast<std::int64_t>(rank))][place.node_slot].insert(
        place.local_rank);
  }
  AxisLinks links{.role = role.name, .axis = axis, .degree = role.degrees.of(axis)};
  for (const auto& [index, places] : groups) {
    ++links.groups[static_cast<std::size_t>(link_of(places, segment_nodes))];
    links.nodes = std::max(links.nodes, places.rbegin()->first - places.begin()->first + 1);
  }
  return links;
}

std::string rate_text(double gb_per_s) { return gb_per_s <= 0 ? "" : text(base::number_text(gb_per_s, 0), " GB/s"); }

}  // namespace

std::int64_t AxisLinks::count() const {
  std::int64_t sum = 0;
  for (const std::int64_t part : groups) sum += part;
  return sum;
}

Link AxisLinks::slowest() const {
  Link slowest = Link::node;
  for (const Link link : kLinks)
    if (groups[static_cast<std::size_t>(link)] > 0) slowest = link;
  return slowest;
}

bool AxisLinks::may_be_far() const {
  return axis == spec::Axis::dp || axis == spec::Axis::dp_cp || axis == spec::Axis::pp;
}

std::vector<AxisLinks> axis_links(const spec::Plan& plan) {
  std::vector<AxisLinks> list;
  for (const Role& role : roles_of(plan)) {
    const spec::Axis replicas = role.degrees.cp > 1 ? spec::Axis::dp_cp : spec::Axis::dp;
    for (const spec::Axis axis : {spec::Axis::tp, spec::Axis::cp, spec::Axis::ep, replicas, spec::Axis::pp})
      if (role.degrees.of(axis) > 1) list.push_back(links_of(role, axis, plan.segment_nodes));
  }
  return list;
}

double link_gb_per_s(Link link, const cluster::Cluster& cluster) {
  if (link == Link::node || link == Link::domain) return cluster.nvlink.gb_per_s / 2;
  const auto adapters = static_cast<double>(cluster::adapters_of(cluster.numa).size());
  const double share = adapters > 0 ? adapters / static_cast<double>(cluster.ranks_per_node) : 1;
  return cluster.network.adapter_gbit_per_s / 8 * share;
}

const char* link_name(Link link, bool has_gpus) {
  switch (link) {
    case Link::node:
      return has_gpus ? "NVLink in the node" : "the node's memory";
    case Link::domain:
      return "NVLink between nodes";
    case Link::rail:
      return "network, one rail";
    case Link::spine:
      return "network, several rails";
  }
  return "";
}

std::string links_page(const spec::Plan& plan, const cluster::Cluster& cluster) {
  const std::vector<AxisLinks> list = axis_links(plan);
  if (list.empty()) return "";
  std::string page = "\nlinks      axis  degree  groups  cross                     a GPU and direction\n";
  for (const AxisLinks& links : list) {
    bool is_first = true;
    for (const Link link : kLinks) {
      const std::int64_t count = links.groups[static_cast<std::size_t>(link)];
      if (count == 0) continue;
      const std::string head = is_first ? text("  ", base::left(links.role, 9),
                                               base::left(spec::axis_name(links.axis), 5), base::right(links.degree, 7))
                                        : std::string(23, ' ');
      std::string line = text(head, base::right(count, 8), "  ", base::left(link_name(link, plan.device == "cuda"), 26),
                              rate_text(link_gb_per_s(link, cluster)));
      page += base::trim(line).empty() ? "" : line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
      is_first = false;
    }
  }
  return page;
}

void warn_of_links(const spec::Plan& plan, const cluster::Cluster& cluster, std::vector<std::string>& warnings) {
  for (const AxisLinks& links : axis_links(plan)) {
    const bool is_tp = links.axis == spec::Axis::tp;
    if (!is_tp && links.axis != spec::Axis::ep && links.axis != spec::Axis::cp) continue;
    const std::int64_t far = links.groups[2] + links.groups[3];
    if (far == 0 || (!is_tp && plan.device == "cpu")) continue;
    const double near_gb = link_gb_per_s(Link::node, cluster);
    const double far_gb = link_gb_per_s(links.slowest(), cluster);
    warnings.push_back(
        text(links.role, ".", spec::axis_name(links.axis), " = ", links.degree, " with ", plan.ranks_per_node,
             " ranks a node: ", far, " of ", links.count(), " groups reach over ", links.nodes, " nodes",
             cluster.nvlink.domain_nodes > 1 ? " that need not be in one NVLink domain" : "", " by the network",
             near_gb > 0 && far_gb > 0
                 ? text(", ", rate_text(far_gb), " a GPU and direction instead of ", rate_text(near_gb), " by NVLink")
                 : ""));
  }
}

}  // namespace muster::plan
