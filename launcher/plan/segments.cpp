#include "launcher/plan/segments.h"

#include <algorithm>

#include "launcher/plan/links.h"
#include "runtime/base/text.h"

namespace muster::plan {

using base::text;

namespace {

std::string list_text(const std::vector<std::int64_t>& numbers) {
  std::vector<std::string> words;
  for (const std::int64_t number : numbers) words.push_back(std::to_string(number));
  return base::join(words, ", ");
}

/// Most node slots that a tp, cp or ep group reaches over, of those that a domain can hold.
std::int64_t widest_group(const spec::Plan& plan, std::int64_t domain_nodes) {
  std::int64_t widest = 1;
  for (const AxisLinks& links : axis_links(plan))
    if (!links.may_be_far() && links.nodes <= domain_nodes) widest = std::max(widest, links.nodes);
  return widest;
}

/// No group that could lie in a segment of this size is cut by its border.
bool holds_groups(spec::Plan& plan, std::int64_t segment, std::int64_t domain_nodes) {
  const std::int64_t before = std::exchange(plan.segment_nodes, segment);
  const std::vector<AxisLinks> list = axis_links(plan);
  plan.segment_nodes = before;
  return std::all_of(list.begin(), list.end(), [&](const AxisLinks& links) {
    return links.may_be_far() || links.nodes > domain_nodes || links.slowest() <= Link::domain;
  });
}

void refuse(const SegmentRequest& request, std::int64_t segment, const std::vector<std::string>& reasons,
            const std::string& where, base::Faults& faults) {
  faults.add(
      {.what = text("placement.segment_nodes = ", segment, ": ", base::join(reasons, "; ")),
       .where = where,
       .fix = text("legal with ", request.nodes, " nodes: ", list_text(legal_segments(request)), "; or leave it out")});
}

}  // namespace

std::vector<std::string> segment_faults(const SegmentRequest& request, std::int64_t segment) {
  std::vector<std::string> reasons;
  if (request.nodes % segment != 0)
    reasons.push_back(text("it does not divide the ", request.nodes, " nodes of the job"));
  if (request.train_nodes % segment != 0)
    reasons.push_back(text("it does not divide the ", request.train_nodes, " training nodes"));
  if (segment > request.domain_nodes) reasons.push_back(text("an NVLink domain has ", request.domain_nodes, " nodes"));
  if (!reasons.empty() || request.domains.empty()) return reasons;
  std::int64_t fits = 0;
  for (const std::int64_t usable : request.domains) fits += usable / segment * segment;
  if (fits < request.nodes)
    reasons.push_back(text(request.domains.size(), " NVLink domains of ", list_text(request.domains),
                           " nodes hold whole segments of ", segment, " for ", fits, " nodes, but the job has ",
                           request.nodes));
  return reasons;
}

std::vector<std::int64_t> legal_segments(const SegmentRequest& request) {
  std::vector<std::int64_t> legal;
  for (std::int64_t segment = 1; segment <= request.domain_nodes; ++segment)
    if (segment_faults(request, segment).empty()) legal.push_back(segment);
  return legal;
}

std::vector<std::int64_t> idle_domains(const cluster::Cluster& cluster) {
  const std::int64_t size = cluster.nvlink.domain_nodes;
  std::vector<std::int64_t> domains(static_cast<std::size_t>(cluster.nodes / size), size);
  if (cluster.nodes % size > 0) domains.push_back(cluster.nodes % size);
  return domains;
}

SegmentRequest segment_request(const spec::Plan& plan, const cluster::Cluster& cluster) {
  SegmentRequest request{.nodes = plan.num_nodes,
                         .train_nodes = 0,
                         .domain_nodes = cluster.nvlink.domain_nodes,
                         .domains = idle_domains(cluster)};
  for (const spec::RankPlan& rank : plan.ranks)
    if (rank.train_rank) request.train_nodes = std::max(request.train_nodes, rank.node_slot + 1);
  return request;
}

void choose_segment(const cluster::Cluster& cluster, const spec::KeyPlaces& places, spec::Plan& plan,
                    base::Faults& faults, std::vector<std::string>& warnings) {
  const std::int64_t asked = plan.job.placement.segment_nodes;
  const std::int64_t domain_nodes = cluster.nvlink.domain_nodes;
  if (domain_nodes == 1) {
    if (asked > 1)
      warnings.push_back(text("placement.segment_nodes = ", asked, " has no effect: on cluster ", cluster.name,
                              " an NVLink domain is one node"));
    return;
  }
  const SegmentRequest request = segment_request(plan, cluster);
  const std::int64_t widest = widest_group(plan, domain_nodes);
  if (!cluster.slurm.segments) {
    if (asked > 1 || widest > 1)
      warnings.push_back(text("Slurm is not asked for segments on cluster ", cluster.name,
                              " (slurm.segments): groups of ", std::max(asked, widest),
                              " nodes may lie in two NVLink domains"));
    return;
  }
  if (asked > 0) {
    const std::vector<std::string> reasons = segment_faults(request, asked);
    if (!reasons.empty()) return refuse(request, asked, reasons, places.of("placement.segment_nodes"), faults);
    plan.segment_nodes = asked;
    if (asked == domain_nodes)
      warnings.push_back(text("placement.segment_nodes = ", asked,
                              " takes whole NVLink domains: a job waits as soon as "
                              "one node of a domain is down"));
    return;
  }
  if (widest == 1) return;
  for (const std::int64_t segment : legal_segments(request)) {
    if (segment < widest || !holds_groups(plan, segment, domain_nodes)) continue;
    plan.segment_nodes = segment;
    return;
  }
  warnings.push_back(text("no segment holds the groups that reach over ", widest, " nodes: with ", request.nodes,
                          " nodes, ", request.train_nodes, " of them training, segments of ",
                          list_text(legal_segments(request)), " are legal; a multiple of ", widest,
                          " nodes for each role would do"));
}

}  // namespace muster::plan
