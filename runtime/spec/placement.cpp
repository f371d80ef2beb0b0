// placement.toml: what only the allocation can tell.
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/toml_reader.h"
#include "runtime/spec/toml_text.h"

namespace muster::spec {

using base::text;
using nlohmann::ordered_json;

std::string placement_text(const Placement& placement) {
  ordered_json value;
  value["attempt"] = placement.attempt;
  value["attempt_id"] = placement.attempt_id;
  value["port"] = placement.port;
  value["key_file"] = placement.key_file.string();
  value["nodes"] = ordered_json::array();
  for (const NodePlace& node : placement.nodes)
    value["nodes"].push_back({{"slot", node.slot}, {"host", node.host}, {"address", node.address}});
  return "# Where the node slots of the plan stand in this attempt.\n" + toml_text(value);
}

namespace {

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

Placement parse_placement(const std::string& content, const std::string& where) {
  base::Faults faults;
  TomlReader reader = TomlReader::parse(content, where, faults);
  faults.throw_if_any();
  Placement placement;
  placement.port = 0;
  reader.read("attempt", placement.attempt, 0, 1'000'000);
  reader.read("attempt_id", placement.attempt_id);
  reader.read("port", placement.port, 1, 65535);
  if (!reader.has("port")) faults.add({"port is missing", where, "the port at which rank 0 listens, 1 .. 65535"});
  std::string key_file;
  reader.read("key_file", key_file);
  placement.key_file = key_file;
  for (TomlReader& entry : reader.tables("nodes")) {
    NodePlace node;
    entry.read("slot", node.slot, 0, 65535);
    entry.read("host", node.host);
    entry.read("address", node.address);
    placement.nodes.push_back(std::move(node));
  }
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
