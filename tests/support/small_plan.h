// Plans of a few ranks that do no work (tests/support/fake_rank.cpp), for tests of agent, supervisor and verbs.
#pragma once

#include <string>
#include <vector>

#include "runtime/spec/plan.h"

namespace muster::tests {

/// `num_nodes` slots of `ranks_per_node` CPU ranks, colocated, dp over all of them. Each rank is fake_rank told
/// `behaviours`.
inline spec::Plan small_plan(const std::filesystem::path& run_folder, std::int64_t num_nodes,
                             std::int64_t ranks_per_node, const std::vector<std::string>& behaviours) {
  const std::filesystem::path binaries = std::filesystem::path(MUSTER_BINARY_DIR) / "bin";
  spec::Plan plan;
  plan.muster_version = "0.1.0";
  plan.job.name = "small";
  plan.job.rank_wrapper = {(binaries / "fake_rank").string()};
  for (const std::string& behaviour : behaviours) plan.job.rank_wrapper.push_back(behaviour);
  plan.job.model.path = run_folder.string();
  plan.job.model.dtype = plan.job.gen.dtype = spec::DataType::fp32;
  plan.job.gen.dp = plan.job.train.dp = num_nodes * ranks_per_node;
  plan.job.grpo.steps = 10;
  plan.job.grpo.max_sequence_tokens = 64;
  plan.job.data.path = "builtin:sums";
  plan.job.watchdog.beat_timeout_s = 1;
  plan.job.watchdog.start_timeout_s = 20;
  plan.model = {.hidden_size = 64,
                .num_layers = 2,
                .num_heads = 4,
                .num_kv_heads = 4,
                .head_dim = 16,
                .intermediate_size = 192,
                .vocab_size = 32,
                .max_position_embeddings = 64,
                .end_tokens = {2}};
  plan.cluster = "local";
  plan.num_nodes = num_nodes;
  plan.ranks_per_node = ranks_per_node;
  plan.train = plan.generate = spec::Degrees{.dp = num_nodes * ranks_per_node};
  for (std::int64_t rank = 0; rank < num_nodes * ranks_per_node; ++rank)
    plan.ranks.push_back({.rank = rank,
                          .node_slot = rank / ranks_per_node,
                          .local_rank = rank % ranks_per_node,
                          .device = rank % ranks_per_node,
                          .train_rank = rank,
                          .gen_rank = rank});
  plan.environment = {{"OMP_NUM_THREADS", "1", "default"}, {"FROM_PLAN", "a,b \"c\"", "job"}};
  plan.run_folder = run_folder;
  plan.binaries = binaries;
  return plan;
}

/// The processes of this machine whose command line or environment mentions `word` (this one aside).
std::vector<pid_t> processes_with(const std::string& word);

}  // namespace muster::tests
