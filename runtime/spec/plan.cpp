// plan.toml: one tree of values, written as TOML or JSON, and read back strictly.
#include "runtime/spec/plan.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/base/files.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/spec/facts_schema.h"
#include "runtime/spec/job_schema.h"
#include "runtime/spec/plan_places.h"
#include "runtime/spec/supported.h"

namespace muster::spec {

using base::text;
using nlohmann::ordered_json;

template <>
struct Choices<Role> {
  static constexpr std::array kNames{"both", "train", "generate"};
};

const char* role_name(Role role) { return choice_name(role); }

namespace {

ordered_json environment_value(const std::vector<EnvironmentValue>& environment) {
  ordered_json list = ordered_json::array();
  for (const EnvironmentValue& entry : environment) {
    list.push_back({{"name", entry.name}, {"value", entry.value}, {"origin", entry.origin}});
  }
  return list;
}

ordered_json rank_value(const RankPlan& rank) {
  ordered_json value = {{"rank", rank.rank},
                        {"role", role_name(rank.role)},
                        {"slot", rank.node_slot},
                        {"local", rank.local_rank},
                        {"device", rank.device}};
  if (rank.train_rank) value["train_rank"] = *rank.train_rank;
  if (rank.gen_rank) value["gen_rank"] = *rank.gen_rank;
  if (!rank.cpus.empty()) value["cpus"] = rank.cpus;
  if (rank.memory_node) value["memory_node"] = *rank.memory_node;
  if (!rank.adapter.empty()) value["adapter"] = rank.adapter;
  if (!rank.environment.empty()) value["environment"] = environment_value(rank.environment);
  return value;
}

template <class Visitor, class D>
void describe_degrees(Visitor& v, D& degrees) {
  v.key("tp", degrees.tp, kDegree, "", "");
  v.key("cp", degrees.cp, kDegree, "", "");
  v.key("ep", degrees.ep, kDegree, "", "");
  v.key("etp", degrees.etp, kDegree, "", "");
  v.key("dp", degrees.dp, kDegree, "", "");
  v.key("pp", degrees.pp, kDegree, "", "");
  v.key("vpp", degrees.vpp, kDegree, "", "");
  v.key("first_stage_layers", degrees.first_stage_layers, kCountOrZero, "", "");
  v.key("last_stage_layers", degrees.last_stage_layers, kCountOrZero, "", "");
  v.key("fsdp", degrees.fsdp, within(0, 1), "", "");
}

ordered_json degrees_value(const Degrees& degrees) {
  ValueVisitor visitor;
  describe_degrees(visitor, degrees);
  return visitor.root;
}

ordered_json plan_value(const Plan& plan) {
  ordered_json value;
  value["muster_version"] = plan.muster_version;
  value["cluster"] = plan.cluster;
  value["device"] = plan.device;
  if (plan.peak_tflops > 0) value["peak_tflops"] = plan.peak_tflops;
  if (plan.device_memory_gb > 0) value["device_memory_gb"] = plan.device_memory_gb;
  if (plan.kv_pages > 0) value["kv_pages"] = plan.kv_pages;
  value["num_nodes"] = plan.num_nodes;
  value["ranks_per_node"] = plan.ranks_per_node;
  if (plan.segment_nodes > 0) value["segment_nodes"] = plan.segment_nodes;
  value["run_folder"] = plan.run_folder.string();
  value["binaries"] = plan.binaries.string();
  value["warnings"] = plan.warnings;
  value["environment"] = environment_value(plan.environment);
  value["ranks"] = ordered_json::array();
  for (const RankPlan& rank : plan.ranks) value["ranks"].push_back(rank_value(rank));
  value["mesh"] = {{"train", degrees_value(plan.train)}, {"generate", degrees_value(plan.generate)}};
  ValueVisitor facts;
  describe_facts(facts, plan.model);
  value["facts"] = facts.root;
  value["job"] = job_value(plan.job);
  return value;
}

ordered_json owners_value(const MemoryFigures& figures) {
  ordered_json value = ordered_json::object();
  for (const MemoryOwner owner : kMemoryOwners) {
    if (figures.of(owner) > 0) value[memory_owner_name(owner)] = figures.of(owner);
  }
  return value;
}

ordered_json memory_value(const Plan& plan) {
  ordered_json value = ordered_json::object();
  for (const RankMemory& rank : memory_of(plan)) {
    ordered_json& role = value[role_name(rank.trains && rank.generates ? Role::both
                                         : rank.trains                 ? Role::train
                                                                       : Role::generate)];
    role["moves"] = offload_level_name(rank.moves);
    if (rank.generates) role["kv_pages"] = rank.kv_pages;
    for (const PhaseMemory& phase : rank.phases)
      role["phases"][phase_name(phase.phase)] = {
          {"stage", phase.stage}, {"device", owners_value(phase.device)}, {"host", owners_value(phase.host)}};
  }
  return value;
}

std::vector<EnvironmentValue> read_environment(TomlReader& reader) {
  std::vector<EnvironmentValue> environment;
  for (TomlReader& entry : reader.tables("environment")) {
    EnvironmentValue value;
    entry.read("name", value.name);
    entry.read("value", value.value);
    entry.read("origin", value.origin);
    environment.push_back(std::move(value));
  }
  return environment;
}

constexpr std::int64_t kMostRanks = 1 << 20;

RankPlan read_rank(TomlReader& reader) {
  RankPlan rank;
  rank.rank = -1;  // must be given: a rank without a number is caught by the check
  reader.read("rank", rank.rank, 0, kMostRanks);
  auto role = static_cast<std::size_t>(rank.role);
  reader.read_choice("role", choice_names<Role>(), role);
  rank.role = static_cast<Role>(role);
  reader.read("slot", rank.node_slot, 0, kMostRanks);
  reader.read("local", rank.local_rank, 0, kMostRanks);
  reader.read("device", rank.device, 0, kMostRanks);
  const auto read_place = [&](const char* key, std::optional<std::int64_t>& place) {
    std::int64_t value = 0;
    const bool is_given = reader.has(key);
    reader.read(key, value, 0, kMostRanks);
    if (is_given) place = value;
  };
  read_place("train_rank", rank.train_rank);
  read_place("gen_rank", rank.gen_rank);
  std::vector<std::int64_t> cpus;
  reader.read("cpus", cpus);
  for (const std::int64_t cpu : cpus) {
    if (cpu < 0 || cpu > 65535) {
      reader.faults().add(
          {.what = text("cpus names ", cpu), .where = reader.place("cpus"), .fix = "CPUs are numbered from 0"});
    }
    rank.cpus.push_back(static_cast<int>(cpu));
  }
  if (reader.has("memory_node")) reader.read("memory_node", rank.memory_node.emplace(), 0, 1023);
  reader.read("adapter", rank.adapter);
  rank.environment = read_environment(reader);
  return rank;
}

Degrees read_degrees(TomlReader& mesh, const std::string& role, std::string& place) {
  Degrees degrees;
  place = mesh.place(role);
  TomlReader reader = mesh.table(role);
  ReadVisitor visitor(reader, nullptr);
  describe_degrees(visitor, degrees);
  return degrees;
}

void read_ranks(TomlReader& reader, Plan& plan, PlanPlaces& places) {
  std::vector<std::pair<RankPlan, std::string>> ranks;
  for (TomlReader& entry : reader.tables("ranks")) {
    std::string place = entry.place();
    ranks.emplace_back(read_rank(entry), std::move(place));
  }
  std::stable_sort(ranks.begin(), ranks.end(),
                   [](const auto& a, const auto& b) { return a.first.rank < b.first.rank; });
  for (auto& [rank, place] : ranks) {
    plan.ranks.push_back(std::move(rank));
    places.ranks.push_back(std::move(place));
  }
}

std::filesystem::path read_path(TomlReader& reader, const char* key) {
  std::string path;
  reader.read(key, path);
  return path;
}

}  // namespace

std::vector<RankMemory> memory_of(const Plan& plan) {
  std::vector<RankMemory> ranks;
  if (plan.model.hidden_size == 0) return ranks;  // the model is not known here
  const RankLimits limits{.is_gpu = plan.device == "cuda",
                          .device_bytes = static_cast<std::int64_t>(plan.device_memory_gb * 1e9)};
  const bool is_split = plan.job.placement.mode == PlacementMode::split;
  ranks.push_back(rank_memory(plan.model, plan.job, limits, true, !is_split));
  if (is_split) ranks.push_back(rank_memory(plan.model, plan.job, limits, false, true));
  return ranks;
}

std::string plan_text(const Plan& plan) {
  return "# Decided by muster and obeyed by muster-runtime; `muster run --plan FILE` runs it as it is.\n" +
         toml_text(plan_value(plan));
}

std::string plan_json(const Plan& plan) {
  ordered_json value = plan_value(plan);
  value["memory"] = memory_value(plan);
  value["unsupported"] = ordered_json::array();
  for (const base::Fault& fault : unsupported(plan)) value["unsupported"].push_back(fault.what);
  return base::json_text(value, 2) + "\n";
}

namespace {

// Major and minor release of "0.1.0"; none when it is no version.
std::optional<std::pair<int, int>> release_of(const std::string& version) {
  int major = 0, minor = 0;
  if (std::sscanf(version.c_str(), "%d.%d", &major, &minor) != 2) return std::nullopt;
  return std::pair{major, minor};
}

// A plan of a later release may mean what this one does not know. One without a version was written by hand.
void check_version(const std::string& version, const std::string& place, base::Faults& faults) {
  if (version.empty()) return;
  const auto release = release_of(version);
  if (release && *release <= *release_of(MUSTER_VERSION)) return;
  faults.add({.what = text("muster_version = \"", version, "\", but this is ", MUSTER_VERSION),
              .where = place,
              .fix = "run the plan with the program that made it (its path is `binaries`), or plan again"});
}

}  // namespace

Plan parse_plan(const std::string& content, const std::string& where) {
  base::Faults faults;
  TomlReader reader = TomlReader::parse(content, where, faults);
  faults.throw_if_any();
  Plan plan;
  PlanPlaces places;
  places.job.file = where;
  reader.read("muster_version", plan.muster_version);
  check_version(plan.muster_version, reader.place("muster_version"), faults);
  reader.read("cluster", plan.cluster);
  reader.read("device", plan.device);
  reader.read("peak_tflops", plan.peak_tflops, 0, 1e6);
  reader.read("device_memory_gb", plan.device_memory_gb, 0, 1e6);
  reader.read("kv_pages", plan.kv_pages, 0, std::int64_t{1} << 40);
  reader.read("num_nodes", plan.num_nodes, 1, 65536);
  reader.read("ranks_per_node", plan.ranks_per_node, 1, 4096);
  reader.read("segment_nodes", plan.segment_nodes, 0, 65536);
  plan.run_folder = read_path(reader, "run_folder");
  plan.binaries = read_path(reader, "binaries");
  reader.read("warnings", plan.warnings);
  plan.environment = read_environment(reader);
  read_ranks(reader, plan, places);
  TomlReader mesh = reader.table("mesh");
  plan.train = read_degrees(mesh, "train", places.train);
  plan.generate = read_degrees(mesh, "generate", places.generate);
  places.facts = reader.place("facts");
  TomlReader facts = reader.table("facts");
  ReadVisitor facts_visitor(facts, nullptr);
  describe_facts(facts_visitor, plan.model);
  TomlReader job = reader.table("job");
  plan.job = read_job(job, &places.job);
  reader.finish();
  faults.throw_if_any();  // what spans keys is only worth testing when each key is sound
  check_plan_faults(plan, places, faults);
  faults.throw_if_any();
  return plan;
}

Plan read_plan(const std::filesystem::path& path) { return parse_plan(base::read_file(path), path.string()); }

}  // namespace muster::spec
