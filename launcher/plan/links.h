// Which links the groups of each axis cross: in a node, in an NVLink domain, on the network along one rail or across
// rails. Pure arithmetic over the ranks of a plan.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "launcher/cluster/cluster.h"
#include "runtime/spec/plan.h"

namespace muster::plan {

/// From the fastest. rail: every node of the group has the same of its adapters in it, so each rank talks to its like
/// over one leaf switch; spine: it does not.
enum class Link { node, domain, rail, spine };
inline constexpr std::array kLinks{Link::node, Link::domain, Link::rail, Link::spine};

/// The groups of one axis of one role.
struct AxisLinks {
  const char* role = "";  // train or gen, as the keys say
  spec::Axis axis = spec::Axis::tp;
  std::int64_t degree = 1;
  std::array<std::int64_t, kLinks.size()> groups{};  // by the slowest link that a group crosses
  std::int64_t nodes = 1;                            // most node slots that a group reaches over
  std::int64_t count() const;
  Link slowest() const;
  /// Of replicas and stages, whose traffic is little: such groups may lie far apart.
  bool may_be_far() const;
};

/// The axes whose degree is above 1, dp with the ranks of cp (dp_cp), which hold the same weights. Node slots are in
/// one NVLink domain when they are in one segment of the plan, or when the job fits one node; what Slurm was not asked
/// for is not counted on.
std::vector<AxisLinks> axis_links(const spec::Plan& plan);

/// GB/s of one GPU in one direction; 0: the cluster file does not say.
double link_gb_per_s(Link link, const cluster::Cluster& cluster);
/// "NVLink in the node", ...
const char* link_name(Link link, bool has_gpus);

/// A table: role, axis, degree, groups, link, bandwidth. Empty when no axis has a group of two.
std::string links_page(const spec::Plan& plan, const cluster::Cluster& cluster);

/// tp, cp and ep groups that leave the node, or the NVLink domain, with the price.
void warn_of_links(const spec::Plan& plan, const cluster::Cluster& cluster, std::vector<std::string>& warnings);

}  // namespace muster::plan
