// placement.toml: what only the allocation can tell.
#include <set>
#include <type_traits>

#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/toml_reader.h"
#include "runtime/spec/toml_text.h"
#include "runtime/spec/visitors.h"

namespace muster::spec {

using base::text;

namespace {

template <class Visitor, class Place>
void describe_node(Visitor& v, Place& node) {
  v.key("slot", node.slot, within(0, 65535), "", "of the plan");
  v.key("host", node.host, kAny, "", "its name in Slurm");
  v.key("address", node.address, kAny, "", "at which other nodes reach it");
}

template <class Visitor, class P>
void describe_placement(Visitor& v, P& placement) {
  v.key("attempt", placement.attempt, within(0, 1'000'000), "", "0 for the first start of the run");
  v.key("attempt_id", placement.attempt_id, kAny, "", "a random word that names the attempt");
  v.key("port", placement.port, within(1, 65535), "", "at which rank 0 listens");
  std::string key_file = placement.key_file.string();
  v.key("key_file", key_file, kAny, "", "the path of the attempt's key");
  if constexpr (!std::is_const_v<P>) placement.key_file = key_file;
  v.list(
      "nodes", placement.nodes, [](auto& below, auto& node) { describe_node(below, node); }, "by slot");
}

/// What holds without a plan.
void check_alone(const Placement& placement, const std::string& where, base::Faults& faults) {
  if (placement.attempt_id.empty())
    faults.add({"attempt_id is missing", where, "a random word that names the attempt"});
  if (placement.key_file.empty()) faults.add({"key_file is missing", where, "the path of the attempt's key"});
  if (placement.nodes.empty())
    faults.add(
        {"the placement has no nodes", where, "list them: nodes = [{ slot = 0, host = \"...\", address = \"...\" }]"});
  std::set<std::int64_t> seen;
  for (const NodePlace& node : placement.nodes) {
    if (!seen.insert(node.slot).second)
      faults.add({text("node slot ", node.slot, " is there twice"), where, "each slot has one node"});
    if (node.host.empty() || node.address.empty())
      faults.add({text("node slot ", node.slot, " lacks its host or address"), where, ""});
  }
}

}  // namespace

std::string placement_text(const Placement& placement) {
  ValueVisitor visitor;
  describe_placement(visitor, placement);
  return "# Where the node slots of the plan stand in this attempt.\n" + toml_text(visitor.root);
}

Placement parse_placement(const std::string& content, const std::string& where) {
  base::Faults faults;
  TomlReader reader = TomlReader::parse(content, where, faults);
  faults.throw_if_any();
  Placement placement;
  ReadVisitor visitor(reader, nullptr);
  describe_placement(visitor, placement);
  if (!reader.has("port")) faults.add({"port is missing", where, "the port at which rank 0 listens, 1 .. 65535"});
  reader.finish();
  check_alone(placement, where, faults);
  faults.throw_if_any();
  return placement;
}

Placement read_placement(const std::filesystem::path& path) {
  return parse_placement(base::read_file(path), path.string());
}

void check_placement(const Placement& placement, const Plan& plan, const std::string& where) {
  base::Faults faults;
  check_alone(placement, where, faults);
  std::set<std::int64_t> slots;
  for (const NodePlace& node : placement.nodes) {
    slots.insert(node.slot);
    if (node.slot < 0 || node.slot >= plan.num_nodes) {
      faults.add(
          {text("node slot ", node.slot, " is not in the plan, which has ", plan.num_nodes, " (from 0)"), where, ""});
    }
  }
  std::set<std::int64_t> missing;
  for (const RankPlan& rank : plan.ranks) {
    if (!slots.contains(rank.node_slot)) missing.insert(rank.node_slot);
  }
  for (const std::int64_t slot : missing)
    faults.add({text("node slot ", slot, " of the plan has no node"), where, "every slot needs its node"});
  faults.throw_if_any();
}

}  // namespace muster::spec
