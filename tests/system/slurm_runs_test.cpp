// Runs on a real Slurm: submitted, in an allocation, and what becomes of them when ranks, nodes or the controller fail.
// The tests share one lab of 4 nodes; ranks are real where the run must work, and tests/support/fake_rank where it must
// fail.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <set>
#include <thread>

#include "runtime/base/error.h"
#include "runtime/spec/checkpoint.h"
#include "runtime/spec/epoch.h"
#include "tests/system/slurm_runs_fixture.h"

namespace muster::tests {
namespace {

using SlurmRuns = SlurmRunsFixture;

TEST_F(SlurmRuns, FourNodesOfEightRanksFindEachOther) {
  submit(4, 8, {"grpo.steps=1", "grpo.prompts_per_step=32"});
  const records::Verdict end = verdict();
  EXPECT_EQ(end.code, 0) << end.sentence << logs();
  EXPECT_EQ(end.sentence, "all 32 ranks finished");
  EXPECT_EQ(steps_of(0), 1);
}

TEST_F(SlurmRuns, TwoNodesOfTwoRanksColocated) {
  submit(2, 2, {});
  EXPECT_EQ(verdict().code, 0) << logs();
  EXPECT_EQ(steps_of(0), 2);
  EXPECT_TRUE(fs::exists(paths().node_log(0, 1)));
}

TEST_F(SlurmRuns, OneNodeGeneratesAndOneTrains) {
  submit(1, 1, {"placement.mode=split"});
  EXPECT_EQ(verdict().code, 0) << logs();
  EXPECT_EQ(spec::read_plan(paths().plan()).num_nodes, 2);
  EXPECT_EQ(steps_of(0), 2);
}

TEST_F(SlurmRuns, InsideAnAllocationThatIsThere) {
  std::vector<std::string> command{"salloc", "--quiet", "-N2", "--exclusive", "-p", "batch"};
  for (const std::string& word : job("run", 2, 2, {})) command.push_back(word);
  const CommandResult result = run_command(command);
  EXPECT_EQ(result.code, 0) << result.output << logs();
  EXPECT_EQ(spec::read_placement(paths().placement(0)).nodes.at(1).host, "node1");
  EXPECT_EQ(steps_of(0), 2);
}

TEST_F(SlurmRuns, ARankThatExitsEndsTheJobWithItsCode) {
  submit(2, 2, {fake("\"run\", \"3:exit3\"")});
  const records::Verdict end = verdict();
  EXPECT_EQ(end.code, 3) << end.sentence;
  EXPECT_EQ(end.rank, 3);
  EXPECT_NE(end.sentence.find("told to leave with 3"), std::string::npos) << end.sentence;
}

TEST_F(SlurmRuns, ASegmentationFaultIsNamedByRankHostPhaseAndCollective) {
  submit(2, 2, {fake("\"run\", \"2:segv\"")});
  const records::Verdict end = verdict();
  EXPECT_EQ(end.code, 4);
  for (const char* part : {"rank 2", "node1", "train", "train.dp all_reduce #12 grads", "SEGV"})
    EXPECT_NE(end.sentence.find(part), std::string::npos) << part << " in " << end.sentence;
}

TEST_F(SlurmRuns, AStoppedRankEndsTheJobWithinHalfAMinute) {
  submit(2, 2, {fake("\"run\", \"1:stop\"")});
  ASSERT_TRUE(wait_for(paths().rank_log(0, 1)));
  const base::Stopwatch watch;
  const records::Verdict end = verdict();
  EXPECT_EQ(end.code, 4);
  EXPECT_EQ(end.rank, 1) << end.sentence;
  EXPECT_NE(end.sentence.find("silent"), std::string::npos) << end.sentence;
  EXPECT_LT(watch.elapsed_s(), 30);
}

TEST_F(SlurmRuns, ATaskLogThatCannotBeOpenedIsNoSuccess) {
  // This job's srun is told a folder that is not there for its tasks' output: nothing runs, and srun itself returns 0.
  stand_in("srun", "exec $real \"${@/--output=*/--output=/no/such/folder/%n.log}\"");
  write_cluster("batch", 30, path_setup());
  submit(2, 1, {fake("\"ok\"")});
  const records::Verdict end = verdict();
  EXPECT_NE(end.code, 0) << logs();
  EXPECT_NE(end.sentence.find("2 of 2 ranks left no exit record"), std::string::npos) << end.sentence;
}

// Preflight on a lab whose node `sick` seems to lack what is wanted: eight GPUs are asked of it alone.
TEST_F(SlurmRuns, PreflightLeavesABadNodeOutWhereThereIsASpareAndOtherwiseNamesIt) {
  base::make_folder(stand_ins());
  base::write_file(stand_ins() / "look",
                   "#!/bin/bash\nwanted=$3\n"
                   "[ $SLURMD_NODENAME = node1 ] && wanted=${wanted/'\"gpus\":0'/'\"gpus\":8'}\n"
                   "exec \"$1\" \"$2\" \"$wanted\"\n",
                   0755);
  stand_in("srun", text("case \" $* \" in *' check-node '*) n=$(($# - 3)); exec $real \"${@:1:$n}\" ",
                        (stand_ins() / "look").string(), " \"${@:$n+1}\";; esac\nexec $real \"$@\""));
  write_cluster("batch", 30, path_setup());
  submit(2, 1, {"placement.spares=1", "placement.preflight=true"});
  EXPECT_EQ(verdict().code, 0) << logs();
  const std::vector<spec::NodePlace> places = spec::read_placement(paths().placement(0)).nodes;
  ASSERT_EQ(places.size(), 2U);
  EXPECT_EQ(places[0].host, "node0");
  EXPECT_EQ(places[1].host, "node2");
  EXPECT_NE(logs().find("preflight leaves out node1: driver"), std::string::npos) << logs();

  fs::remove_all(run());
  submit(4, 1, {"placement.preflight=true", fake("\"ok\"")});
  const base::Stopwatch watch;
  while (!fs::exists(paths().not_begun()) && watch.elapsed_s() < 30) pause();
  EXPECT_FALSE(fs::exists(paths().attempt(0)));
  const std::string status = run_command({kBinaries + "/muster", "status", run()}).output;
  EXPECT_NE(status.find("3 nodes are fit, the plan needs 4"), std::string::npos) << status << logs();
  EXPECT_NE(status.find("--exclude node1"), std::string::npos) << status;
}

TEST_F(SlurmRuns, StacksOfARunThatGoesOnAndOfARankThatFellSilent) {
  const std::vector<std::string> ask{kBinaries + "/muster", "stacks", run()};
  submit(2, 1, {"grpo.steps=100"});
  ASSERT_TRUE(wait_for(paths().steps())) << logs();
  for (int time = 0; time < 3; ++time) {
    const CommandResult stacks = run_command({kBinaries + "/muster", "stacks", run(), "--rank", "1"});
    EXPECT_EQ(stacks.code, 0) << stacks.output;
    const std::size_t main_thread = stacks.output.find("rank 1 on node1, process");
    ASSERT_NE(main_thread, std::string::npos) << stacks.output;
    EXPECT_NE(stacks.output.find("muster::loop::run\n", main_thread), std::string::npos) << stacks.output;
  }
  EXPECT_EQ(verdict().code, 0) << logs();
  EXPECT_EQ(steps_of(0), 100);
  EXPECT_NE(run_command(ask).output.find("no progress for"), std::string::npos) << "the last answer is kept";

  fs::remove_all(run());
  submit(2, 1, {fake("\"run\", \"1:stop\"")});
  EXPECT_NE(verdict().sentence.find("`muster stacks` shows where it stood"), std::string::npos) << verdict().sentence;
  const CommandResult stacks = run_command(ask);
  EXPECT_NE(stacks.output.find("on node1, since rank 1 is silent"), std::string::npos) << stacks.output;
  EXPECT_NE(stacks.output.find("rank 1 on node1, main thread, stopped"), std::string::npos) << stacks.output;
}

TEST_F(SlurmRuns, ASitesWrappersThatTalkDisturbNothing) {
  for (const char* command : {"sbatch", "srun", "scontrol", "sinfo", "squeue"})
    stand_in(command, "echo 'Welcome! Project x has 12 h left.' >&2\nexec $real \"$@\"");
  write_cluster("batch", 30, path_setup());
  std::vector<std::string> command{"env", text("PATH=", stand_ins().string(), ":", std::getenv("PATH"))};
  for (const std::string& word : job("submit", 2, 1, {})) command.push_back(word);
  const CommandResult submitted = run_command(command);
  ASSERT_EQ(submitted.code, 0) << submitted.output;
  EXPECT_EQ(verdict().code, 0) << logs();
  EXPECT_EQ(steps_of(0), 2);
}

TEST_F(SlurmRuns, AnSrunOfAnotherReleaseEndsTheJobWithWhatItSaid) {
  stand_in("srun",
           "echo 'srun: error: Unable to create step: Incompatible versions of client and server code' >&2\nexit 1");
  write_cluster("batch", 30, path_setup());
  submit(2, 1, {fake("\"ok\"")});
  const records::Verdict end = verdict();
  EXPECT_EQ(end.code, 3) << end.sentence;
  EXPECT_NE(end.sentence.find("Incompatible versions of client and server code"), std::string::npos) << end.sentence;
}

TEST_F(SlurmRuns, AHomeThatNodesDoNotHaveAndATemporaryFolderThatCannotBeWrittenAreNotNeeded) {
  write_cluster("batch", 30,
                "\"export HOME=/no/such/home\", \"export TMPDIR=/proc\", \"unset XDG_CACHE_HOME MUSTER_CACHE\"");
  submit(2, 2, {});
  EXPECT_EQ(verdict().code, 0) << logs();
  EXPECT_EQ(steps_of(0), 2);
}

TEST_F(SlurmRuns, WhatTheSitesSetupLinesSetReachesTheRanks) {
  write_cluster("batch", 30, "\"export SITE_FABRIC='blue sky'\", \"export OMP_NUM_THREADS=77\", \"unexported=1\"");
  submit(1, 1, {fake("\"env\"")});
  EXPECT_EQ(verdict().code, 0) << logs();
  const std::string log = base::read_file(paths().rank_log(0, 0));
  EXPECT_NE(log.find("\nSITE_FABRIC=blue sky\n"), std::string::npos) << log;
  EXPECT_EQ(log.find("OMP_NUM_THREADS=77"), std::string::npos) << "the plan has the last word";
  EXPECT_EQ(log.find("unexported"), std::string::npos);
  EXPECT_EQ(log.find("SLURM_JOB_ID"), std::string::npos);
  EXPECT_NE(base::read_file(paths().node_log(0, 0)).find("from the cluster's setup lines: SITE_FABRIC=blue sky"),
            std::string::npos)
      << logs();
}

TEST_F(SlurmRuns, AgentsAndRanksRunInsideTheContainerThatIsAsked) {
  // This apptainer writes down what each node called it with, and runs what stands behind the image on the node itself.
  const fs::path bin = folder_.path() / "bin";
  const std::string called = (folder_.path() / "called_").string();
  base::make_folder(bin);
  base::write_file(bin / "apptainer",
                   text("#!/bin/bash\nprintf '%s\\n' \"$@\" > '", called,
                        "'$SLURM_NODEID\nwhile [[ $1 != /images/muster.sif ]]; do shift; done\nshift\nexec \"$@\"\n"),
                   0755);
  write_cluster("batch", 30, text("\"export PATH=", bin.string(), ":$PATH\""));
  base::write_file(cluster(), base::read_file(cluster()) +
                                  "[container]\nkind = \"apptainer\"\nimage = \"/images/muster.sif\"\n"
                                  "mounts = [\"/scratch:/scratch\"]\nflags = [\"--cleanenv\"]\n");
  submit(2, 1, {fake("\"ok\"")});
  EXPECT_EQ(verdict().code, 0) << logs();
  for (const char* node : {"0", "1"}) {
    const std::vector<std::string> words = base::split(base::read_file(called + node), '\n');
    EXPECT_EQ(std::count(words.begin(), words.end(), "exec"), 1);
    EXPECT_EQ(std::count(words.begin(), words.end(), "--cleanenv"), 1);
    const auto bind = std::find(words.begin(), words.end(), "--bind");
    ASSERT_NE(bind, words.end());
    EXPECT_NE(bind[1].find("/scratch:/scratch"), std::string::npos) << bind[1];
    EXPECT_NE(bind[1].find(run() + ":" + run()), std::string::npos) << bind[1];
    EXPECT_EQ(std::count(words.begin(), words.end(), "node"), 1) << "the agent stands behind the image";
  }
}

TEST_F(SlurmRuns, APartitionsLimitsAreFaultsBeforeAnythingIsSubmitted) {
  write_cluster("short", 60);
  const CommandResult result = run_command(job("submit", 4, 1, {}));
  EXPECT_EQ(result.code, 2) << result.output;
  EXPECT_NE(result.output.find("4 nodes, but a job in partition short may have 2"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("ends jobs after 5 minutes"), std::string::npos) << result.output;
  EXPECT_FALSE(fs::exists(run()));
}

TEST_F(SlurmRuns, CancelEndsEveryProcess) {
  submit(2, 2, {fake("\"run\"")});
  ASSERT_TRUE(wait_for(paths().rank_log(0, 3))) << logs();
  const CommandResult status = run_command({kBinaries + "/muster", "status", run()});
  EXPECT_NE(status.output.find("RUNNING on node[0-1]"), std::string::npos) << status.output;
  const CommandResult result = run_command({kBinaries + "/muster", "cancel", run()});
  EXPECT_EQ(result.code, 0) << result.output;
  EXPECT_EQ(verdict().code, 128 + SIGTERM) << logs();
}

TEST_F(SlurmRuns, ARequeuedJobsFirstAttemptWritesNoMore) {
  submit(2, 1, {fake("\"stubborn\""), "requeue.max=1", "checkpoint.every=1"});
  ASSERT_TRUE(wait_for(paths().steps())) << logs();
  const std::string lost = spec::read_placement(paths().placement(0)).nodes.at(0).host;
  lab_->kill_slurmd(std::stoi(lost.substr(4)));
  ASSERT_TRUE(wait_for(paths().placement(1), 150)) << logs();
  const auto second = spec::current_epoch(run());
  ASSERT_TRUE(second && second->attempt == 1);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const std::int64_t first_lines = steps_of(0);
  std::this_thread::sleep_for(std::chrono::seconds(3));
  EXPECT_EQ(steps_of(0), first_lines);
  EXPECT_GT(steps_of(1), 5);
  // The ranks of the first attempt have ended although no slurmd was there to end them.
  EXPECT_TRUE(processes_with(paths().placement(0)).empty());
  lab_->start_slurmd(std::stoi(lost.substr(4)));
  run_command({kBinaries + "/muster", "cancel", run()});
  EXPECT_EQ(verdict(1).code, 128 + SIGTERM);
}

TEST_F(SlurmRuns, ARunThatLosesRanksQueuesItselfAgainAndGoesOn) {
  const std::vector<std::string> changes{"grpo.steps=60", "grpo.prompts_per_step=4", "checkpoint.every=2",
                                         "requeue.max=3"};
  submit(2, 1, changes);
  std::int64_t kept = 0;
  for (std::int64_t attempt = 0; attempt < 3; ++attempt) {
    const base::Stopwatch watch;
    const auto newest = [this] {
      const std::vector<std::int64_t> steps = spec::complete_checkpoints(paths());
      return steps.empty() ? 0 : steps.back();
    };
    while (newest() <= kept && watch.elapsed_s() < 60) pause();
    ASSERT_GT(newest(), kept) << logs();
    for (const pid_t pid : processes_with(paths().placement(attempt)))
      if (fs::read_symlink(text("/proc/", pid, "/exe")).filename() == "muster-rank") {
        ::kill(pid, SIGKILL);
        break;
      }
    EXPECT_EQ(verdict(attempt).code, 4) << logs();
    kept = newest();
  }
  EXPECT_EQ(verdict(3, 90).code, 0) << logs();
  std::set<std::int64_t> steps;
  for (const auto& record : base::read_json_lines(paths().steps())) steps.insert(std::int64_t{record["step"]});
  EXPECT_EQ(steps.size(), 60u);
  EXPECT_NE(logs().find(text("resumes after step ", kept)), std::string::npos) << logs();
}

TEST_F(SlurmRuns, AControllerThatIsAwayIsSaidWithinASecondOrTwo) {
  lab_->kill_slurmctld();
  const base::Stopwatch watch;
  const CommandResult result = run_command(job("submit", 1, 1, {}));
  EXPECT_LT(watch.elapsed_s(), 2.5);
  EXPECT_EQ(result.code, 3) << result.output;
  EXPECT_NE(result.output.find("controller does not answer"), std::string::npos) << result.output;
  EXPECT_FALSE(fs::exists(run()));
  lab_->start_slurmctld();
}

}  // namespace
}  // namespace muster::tests
