#include "runtime/node/killed_rank.h"

#include <gtest/gtest.h>

#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::node {
namespace {

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

class KilledRank : public testing::Test {
 protected:
  void write(const std::string& file, const std::string& content) {
    base::make_folder((folder_.path() / file).parent_path());
    base::write_file(folder_.path() / file, content);
  }
  OomKills kills() const { return read_oom_kills(folder_.path()); }
  tests::TemporaryFolder folder_;
};

TEST_F(KilledRank, CountsInTheGroupOfEitherVersionAndOnTheNode) {
  EXPECT_FALSE(kills().in_job || kills().on_node);
  write("proc/self/cgroup", "0::/job_7/step_0\n");
  write("sys/fs/cgroup/job_7/step_0/memory.events", "low 0\nhigh 2\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n");
  write("proc/vmstat", "nr_free_pages 1\noom_kill 5\n");
  EXPECT_EQ(kills().in_job, 2);
  EXPECT_EQ(kills().on_node, 5);
  write("proc/self/cgroup", "8:pids:/\n4:memory:/job_7\n0::/\n");
  write("sys/fs/cgroup/memory/job_7/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n");
  EXPECT_EQ(kills().in_job, 4);
  // In a container the path can be the host's.
  write("proc/self/cgroup", "4:memory:/docker/abc\n");
  write("sys/fs/cgroup/memory/memory.oom_control", "oom_kill 6\n");
  EXPECT_EQ(kills().in_job, 6);
}

TEST_F(KilledRank, ReadsTheMemoryOfTheNode) {
  write("proc/meminfo", "MemTotal:       16384 kB\nMemFree:  1 kB\nMemAvailable:    4096 kB\n");
  EXPECT_EQ(read_memory(folder_.path()).total_bytes, 16 << 20);
  EXPECT_EQ(read_memory(folder_.path()).available_bytes, 4 << 20);
}

TEST_F(KilledRank, SaysWhatIsKnownWithFigures) {
  const NodeMemory memory{.total_bytes = 24 * kGiB, .available_bytes = kGiB};
  const std::string figures = "its peak memory was 20.0 GiB, and of the node's 24.0 GiB now 1.0 GiB are free";
  EXPECT_EQ(killed_text(20 * kGiB, {.in_job = 1, .on_node = 1}, {.in_job = 3, .on_node = 3}, memory),
            "out of memory: the kernel killed 2 processes of this job for want of memory; " + figures);
  EXPECT_EQ(killed_text(20 * kGiB, {.on_node = 1}, {.on_node = 2}, memory),
            "out of memory: the kernel killed 1 process of this node for want of memory; " + figures);
  EXPECT_EQ(killed_text(20 * kGiB, {.in_job = 1}, {.in_job = 1}, memory),
            "somebody sent it: the kernel counts no process killed for want of memory; " + figures);
  EXPECT_EQ(killed_text(20 * kGiB, {}, {}, {}),
            "often this is the kernel's out-of-memory killer (dmesg tells); its peak memory was 20.0 GiB");
}

}  // namespace
}  // namespace muster::node
