// A Slurm of two racks of GB200 trays, as the tests of the probe see it.
#pragma once

#include "launcher/slurm/host_list.h"
#include "launcher/slurm/queries.h"

namespace muster::probe {

class FakeSlurm : public slurm::Queries {
 public:
  std::vector<slurm::PartitionFacts> list{{.name = "batch",
                                           .is_default = true,
                                           .max_time_s = 4 * 3600,
                                           .total_nodes = 36,
                                           .max_memory_mb = 800000,
                                           .nodes = "tray[0-35]"},
                                          {.name = "debug", .max_nodes = 2, .total_nodes = 2, .nodes = "tray[0-1]"}};
  std::vector<slurm::BlockFacts> racks{{"rack0", "tray[0-17]", 18}, {"rack1", "tray[18-35]", 18}};
  std::string gres = "gpu:gb200:4(S:0-1)";
  std::string odd_one;  // a node with a GPU less

  const char* form() const override { return "fake"; }
  void ping() override {}
  std::vector<slurm::PartitionFacts> partitions() override { return list; }
  std::vector<slurm::NodeFacts> nodes(const std::vector<std::string>& names) override {
    std::vector<slurm::NodeFacts> facts;
    for (const std::string& name : names)
      facts.push_back({.name = name,
                       .state = "IDLE",
                       .host = name,
                       .gres = name == odd_one ? "gpu:gb200:3" : gres,
                       .features = "gb200,ib",
                       .memory_mb = 900000});
    return facts;
  }
  std::vector<slurm::BlockFacts> blocks() override { return racks; }
  std::optional<slurm::JobFacts> job(const std::string&) override { return std::nullopt; }
};

}  // namespace muster::probe
