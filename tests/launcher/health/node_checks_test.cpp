// Recorded nodes, healthy and sick: /sys from tests/golden/sysfs, /proc written here, GPUs from the stand-in library.
#include "launcher/health/node_checks.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "launcher/health/node_step.h"
#include "runtime/base/files.h"
#include "tests/support/sysfs_tree.h"
#include "tests/support/temporary_folder.h"

namespace muster::health {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
const fs::path kSource = MUSTER_SOURCE_DIR;

class Node : public testing::Test {
 protected:
  /// A node of `kind` (a shipped cluster file) that has what it should.
  void take(const std::string& kind, const std::string& gpu_name) {
    const cluster::Cluster file = cluster::read_cluster(kind, kSource / "clusters");
    wanted_ = wanted_of(file, folder_.path() / "runs", "");
    sysfs_.emplace(
        base::read_file(kSource / "tests/golden/sysfs" / ((kind == "gb200-nvl72" ? "gb200" : kind) + ".txt")));
    for (const char* name : {"runs", "tmp", "shm", "proc/self", "dev/nvidia-caps-imex-channels"})
      fs::create_directories(folder_.path() / name);
    base::write_file(folder_.path() / "dev/nvidia-caps-imex-channels/channel0", "");
    limits("65536", "unlimited");
    memory_gb(wanted_.host_memory_gb);
    view_ = {.sysfs = sysfs_->path(),
             .proc = folder_.path() / "proc",
             .dev = folder_.path() / "dev",
             .temporary = folder_.path() / "tmp",
             .shared_memory = folder_.path() / "shm",
             .cuda = folder_.path() / "cuda",
             .management_library = MUSTER_FAKE_MANAGEMENT,
             .verbs_library = "libc.so.6"};
    machine_ = {{"driver", "580.95.05"}, {"cuda", 13000}, {"gpus", json::array()}};
    for (std::int64_t i = 0; i < wanted_.gpus; ++i)
      machine_["gpus"].push_back({{"name", gpu_name},
                                  {"address", "00000000:18:00.0"},
                                  {"bytes", wanted_.gpu_memory_gb * 1e9},
                                  {"ecc", 1},
                                  {"errors", 0},
                                  {"pending", 0},
                                  {"failed", 0},
                                  {"slowdown", 1},
                                  {"mhz", 1980},
                                  {"most_mhz", 1980},
                                  {"mig", 0},
                                  {"links", json(std::vector<int>(18, 1))},
                                  {"fabric_state", 3},
                                  {"fabric_status", 0},
                                  {"clique", 7},
                                  {"processes", json::array()}});
  }
  void limits(const std::string& files, const std::string& locked) const {
    base::write_file(folder_.path() / "proc/self/limits",
                     "Limit                     Soft Limit           Hard Limit           Units\n"
                     "Max open files            " +
                         files +
                         "                524288               files\n"
                         "Max locked memory         " +
                         locked + "            unlimited            bytes\n");
  }
  void memory_gb(double gb) const {
    base::write_file(folder_.path() / "proc/meminfo",
                     "MemTotal:       " + std::to_string(static_cast<std::int64_t>(gb * 1e9 / 1024)) + " kB\n");
  }
  Report report() {
    base::write_file(folder_.path() / "gpus.json", machine_.dump());
    ::setenv("MUSTER_FAKE_GPUS", (folder_.path() / "gpus.json").c_str(), 1);
    return check_node(wanted_, view_);
  }
  /// The findings that are not well, one line each: "MARK what: found".
  std::string troubles() {
    std::string lines;
    for (const Finding& finding : report().findings)
      if (finding.grade != Grade::ok)
        lines += (finding.grade == Grade::error ? "error " : "warning ") + finding.what + ": " + finding.found + "\n";
    return lines;
  }

  tests::TemporaryFolder folder_;
  std::optional<tests::SysfsTree> sysfs_;
  Wanted wanted_;
  NodeView view_;
  json machine_;
};

class DgxH100 : public Node {
 protected:
  DgxH100() { take("dgx-h100", "NVIDIA H100 80GB HBM3"); }
};

TEST_F(DgxH100, AHealthyOneHasNothingToMend) {
  EXPECT_EQ(troubles(), "");
  const Report report = this->report();
  EXPECT_EQ(exit_code({report}), 0);
  EXPECT_EQ(report.fabric, "abababababababababababababababab/7");
  EXPECT_EQ(parse_report(report_line(report), "here"), report);
}

TEST_F(DgxH100, ADriverThatIsTooOld) {
  machine_["driver"] = "570.86.15";
  machine_["cuda"] = 12080;
  EXPECT_EQ(troubles(), "error driver: 570.86.15 (CUDA 12.8)\n");
  fs::create_directories(folder_.path() / "cuda/compat");
  base::write_file(folder_.path() / "cuda/compat/libcuda.so.1", "");
  EXPECT_EQ(exit_code({report()}), 1) << "the compatibility package is there";
  view_.management_library = "/no/such/library.so";
  EXPECT_EQ(troubles().rfind("error driver: /no/such/library.so: cannot open", 0), 0U) << troubles();
}

TEST_F(DgxH100, OneGpuHasFallenOffTheBusAndAnotherHasBadMemory) {
  machine_["gpus"].erase(7);
  machine_["gpus"][2]["errors"] = 3;
  machine_["gpus"][4]["pending"] = 1;
  machine_["gpus"][5]["ecc"] = 0;
  EXPECT_EQ(troubles(),
            "error GPUs: 7 x NVIDIA H100 80GB HBM3\nwarning ECC: GPU 5: off\n"
            "error memory errors: GPU 2: uncorrected errors since the driver was loaded\n"
            "error remapped rows: GPU 4: a row waits to be remapped, or could not be\n");
}

TEST_F(DgxH100, LinksAreDownAndTheFabricManagerDoesNotRun) {
  machine_["gpus"][1]["links"][17] = 0;
  machine_["gpus"][6]["links"] = json::array();
  machine_["gpus"][3]["fabric_state"] = 2;
  machine_["gpus"][4]["fabric_status"] = 999;
  EXPECT_EQ(troubles(),
            "error NVLink: GPU 1, 6: links are down, or none is there\nerror fabric: GPU 3, 4: not registered with the "
            "switches\n");
}

TEST_F(DgxH100, HotDividedAndNotAlone) {
  machine_["gpus"][0]["slowdown"] = 0x40;
  machine_["gpus"][1]["mig"] = 1;
  machine_["gpus"][2]["processes"] = {4711};
  EXPECT_EQ(troubles(),
            "warning clocks: GPU 0: held down by heat or power\nerror MIG: GPU 1: on: the GPU is divided\n"
            "warning others on the GPUs: GPU 2: processes compute there\n");
}

TEST_F(DgxH100, GpusOfAnotherKind) {
  for (json& gpu : machine_["gpus"]) gpu["name"] = "NVIDIA A100-SXM4-40GB", gpu["bytes"] = 42.4e9;
  EXPECT_EQ(troubles(),
            "error kind of GPU: GPU 0, 1, 2, 3, 4, 5, 6, 7: NVIDIA A100-SXM4-40GB\nerror memory of a GPU: GPU 0, 1, 2, "
            "3, 4, 5, 6, 7: 42.4 GB\n");
}

TEST_F(DgxH100, AnAdapterIsDownAnotherSlowAndTheVerbsLibraryMissing) {
  base::write_file(view_.sysfs / "class/infiniband/mlx5_3/ports/1/state", "1: DOWN\n");
  base::write_file(view_.sysfs / "class/infiniband/mlx5_9/ports/1/rate", "100 Gb/sec (2X HDR)\n");
  view_.verbs_library = "libno_such_verbs.so.1";
  const std::string said = troubles();
  EXPECT_NE(said.find("error network adapters: mlx5_3 is down, mlx5_9 runs at 100 Gbit/s\n"), std::string::npos)
      << said;
  EXPECT_NE(said.find("error verbs library: libno_such_verbs.so.1: cannot open"), std::string::npos) << said;
}

TEST_F(DgxH100, LimitsMemoryAndFolders) {
  limits("1024", "65536");
  memory_gb(1000);
  fs::remove_all(folder_.path() / "tmp");
  fs::remove_all(folder_.path() / "runs");
  wanted_.canary = "canary";
  EXPECT_EQ(troubles(),
            "error memory of the host: 1000 GB\nwarning open files: 1024\nerror locked memory: 65536 bytes\n"
            "error run root: " +
                wanted_.run_root.string() +
                " is not there\n"
                "error shared folder: " +
                wanted_.run_root.string() +
                " here is another than where this was asked\n"
                "warning temporary folder: " +
                view_.temporary.string() + " is not there\n");
}

TEST_F(Node, AGb200WithoutItsChannel) {
  take("gb200-nvl72", "NVIDIA GB200");
  EXPECT_EQ(troubles(), "");
  fs::remove(folder_.path() / "dev/nvidia-caps-imex-channels/channel0");
  EXPECT_EQ(troubles(), "error IMEX channel: none\n");
}

TEST(Wanted, TravelsAsText) {
  const Wanted wanted =
      wanted_of(cluster::read_cluster("dgx-h100", kSource / "clusters"), "/runs here", "/opt/muster/bin");
  EXPECT_EQ(parse_wanted(wanted_text(wanted)), wanted);
  EXPECT_EQ(wanted.cpus, 224);
  EXPECT_EQ(wanted.adapters.size(), 8U);
  EXPECT_THROW(parse_wanted("{}"), Error);
  EXPECT_EQ(wanted_of(cluster::read_cluster("local", kSource / "clusters"), "", "").gpus, 0);
}

TEST(Binaries, AProgramThatDoesNotStartIsOneFinding) {
  tests::TemporaryFolder folder;
  const Findings findings = check_binaries({.binaries = folder.path()});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].grade, Grade::error);
  base::write_file(folder.path() / "muster-runtime",
                   "#!/bin/sh\necho \"muster-runtime 9\"\n[ $1 = check ] && printf 'no GPU is looked at: /x: no "
                   "library\\n    fix\\nall agree\\n'\nexit 0\n",
                   0755);
  EXPECT_EQ(exit_code({{.host = "a", .findings = check_binaries({.binaries = folder.path()})}}), 0);
  const Findings on_gpu = check_binaries({.gpus = 8, .binaries = folder.path()});
  EXPECT_EQ(on_gpu.back().found, "no GPU is looked at: /x: no library; fix");
}

}  // namespace
}  // namespace muster::health
