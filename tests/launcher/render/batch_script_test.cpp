#include "launcher/render/batch_script.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::render {
namespace {

const std::filesystem::path kSource = MUSTER_SOURCE_DIR;

std::string shape() { return base::read_file(kSource / "templates" / "batch.sh.in"); }
std::string golden(const std::string& name) { return base::read_file(kSource / "tests" / "golden" / "render" / name); }

spec::Plan plan_of(std::int64_t num_nodes, std::int64_t ranks_per_node, const std::string& device) {
  spec::Plan plan;
  plan.job.name = "sums";
  plan.num_nodes = num_nodes;
  plan.ranks_per_node = ranks_per_node;
  plan.device = device;
  plan.run_folder = "/home/u/runs/sums-1";
  return plan;
}

TEST(BatchScript, ShippedClustersAsTheGoldenFilesSay) {
  const auto clusters = kSource / "clusters";
  EXPECT_EQ(batch_script(shape(), plan_of(4, 8, "cuda"), cluster::read_cluster("dgx-h100", clusters),
                         "/opt/muster/bin/muster"),
            golden("dgx-h100.sh"));
  EXPECT_EQ(batch_script(shape(), plan_of(2, 2, "cpu"), cluster::read_cluster("test-slurm", clusters),
                         "/opt/muster/bin/muster"),
            golden("test-slurm.sh"));
}

TEST(BatchScript, EverythingThatASiteMayAskFor) {
  cluster::Cluster site;
  site.device = "cuda";
  site.gpu.kind = "h100";
  site.setup = {"module load cuda", "export https_proxy=http://proxy:3128"};
  site.slurm = {.partition = "gpu",
                .account = "my team",
                .qos = "high",
                .reservation = "res_1",
                .time_limit_min = 90,
                .gpu_request = cluster::GpuRequest::gres,
                .exclusive = false,
                .sbatch_flags = {"--mem=0", "--constraint=ib"},
                .srun_flags = {"--network=sharp", "--comment=a b"}};
  spec::Plan plan = plan_of(2, 8, "cuda");
  plan.job.name = "a job";
  plan.job.requeue.max = 3;
  plan.job.checkpoint.every = 10;
  plan.run_folder = "/data/50% of it/run";
  EXPECT_EQ(batch_script(shape(), plan, site, "/opt/my muster/muster"), golden("site.sh"));
}

TEST(BatchScript, AgentAndRanksRunInAContainerAndTheSupervisorOnTheHost) {
  cluster::Cluster site = cluster::read_cluster("gb200-nvl72", kSource / "clusters");
  site.slurm.nodelist = "n[0-7]";
  site.slurm.comment = "a b";
  site.slurm.features = {"gb200", "ib"};
  site.container = {.kind = cluster::ContainerKind::pyxis,
                    .image = "registry.site/cuda:13",
                    .mounts = {"/home/u:/home/u", "/data:/corpus:ro"},
                    .flags = {"--no-container-mount-home"}};
  spec::Plan plan = plan_of(8, 4, "cuda");
  plan.segment_nodes = 4;
  plan.binaries = "/opt/muster/bin";
  plan.job.model.path = "/data/models/llama";
  plan.job.data.path = "/home/u/rows.jsonl";
  EXPECT_EQ(batch_script(shape(), plan, site, "/opt/muster/bin/muster"), golden("pyxis.sh"));
  site.container.kind = cluster::ContainerKind::apptainer;
  site.container.image = "/images/cuda 13.sif";
  site.container.flags = {"--no-home"};
  EXPECT_EQ(batch_script(shape(), plan, site, "/opt/muster/bin/muster"), golden("apptainer.sh"));
}

TEST(BatchScript, AContainerSeesEverySourceOfTheData) {
  cluster::Cluster site = cluster::read_cluster("gb200-nvl72", kSource / "clusters");
  site.container = {.kind = cluster::ContainerKind::pyxis, .image = "registry.site/cuda:13"};
  spec::Plan plan = plan_of(8, 4, "cuda");
  plan.job.data.path = "";
  plan.job.data.sources = {{.path = "/shards/train-*.parquet"}, {.path = "builtin:sums"}, {.path = "/more/rows.jsonl"}};
  const std::string script = batch_script(shape(), plan, site, "/opt/muster/bin/muster");
  EXPECT_NE(script.find("/shards:/shards,/more/rows.jsonl:/more/rows.jsonl"), std::string::npos) << script;
  EXPECT_EQ(script.find("builtin"), std::string::npos);
}

TEST(BatchScript, IsADozenLines) {
  const std::string script = batch_script(shape(), plan_of(4, 8, "cuda"),
                                          cluster::read_cluster("dgx-h100", kSource / "clusters"), "/opt/muster");
  EXPECT_LE(std::count(script.begin(), script.end(), '\n'), 13);
}

TEST(BatchScript, ALineBreakCannotBecomeADirective) {
  spec::Plan plan = plan_of(1, 1, "cpu");
  plan.job.name = "x\n#SBATCH --uid=0";
  EXPECT_THROW(batch_script(shape(), plan, {}, "/m"), Error);
  EXPECT_THROW(batch_script("@nothing@\n", plan_of(1, 1, "cpu"), {}, "/m"), Error);
}

}  // namespace
}  // namespace muster::render
