// What is asked of Slurm and what it answers: the job that it gets is the job of the plan, whatever the shell around
// `submit` has set and whatever sbatch prints; a run has one job at a time; the end is gentle; both forms of queries
// agree.
#include <cstdlib>
#include <optional>

#include "launcher/records/submission.h"
#include "launcher/slurm/queries.h"
#include "launcher/slurm/scontrol_text.h"
#include "runtime/spec/epoch.h"
#include "tests/system/slurm_runs_fixture.h"

namespace muster::tests {
namespace {

using Words = std::vector<std::string>;

class SlurmRequests : public SlurmRunsFixture {
 protected:
  static void SetUpTestSuite() {
    options_ = {.nodes = 2, .gpus_per_node = 2, .counts_memory = true};
    SlurmRunsFixture::SetUpTestSuite();
  }
  CommandResult muster(Words words, const Words& environment = {}) const {
    words.insert(words.begin(), kBinaries + "/muster");
    words.insert(words.begin(), environment.begin(), environment.end());
    if (!environment.empty()) words.insert(words.begin(), "env");
    return run_command(words);
  }
  // `submit` of ranks that run until they are ended.
  CommandResult submit_in(const Words& environment, int nodes, Words changes, const Words& more = {}) const {
    changes.push_back(fake("\"run\""));
    Words words = job("submit", nodes, 1, changes);
    words.erase(words.begin());
    words.insert(words.end(), more.begin(), more.end());
    return muster(words, environment);
  }
  Words jobs() const {
    Words ids;
    for (const records::Submission& one : records::read_submissions(run())) ids.push_back(one.job_id);
    return ids;
  }
  // The value of a variable in each node agent of the run.
  Words of_agents(const std::string& variable) const {
    Words values;
    for (const pid_t pid : processes_with(paths().placement(0))) {
      const std::string folder = text("/proc/", pid);
      if (base::read_file(folder + "/cmdline").find(text("muster-runtime", '\0', "node")) == std::string::npos)
        continue;
      std::string value = "not set";
      for (const std::string& line : base::split(base::read_file(folder + "/environ"), '\0'))
        if (line.starts_with(variable + "=")) value = line.substr(variable.size() + 1);
      values.push_back(value);
    }
    return values;
  }
  static slurm::Record shown(const std::string& what, const std::string& id) {
    return slurm::parse_record(base::trim(run_command({"scontrol", "--oneliner", "show", what, id}).output));
  }
  // What was given; newer releases tell it apart from what was asked for.
  static std::string tres_of(const slurm::Record& record) {
    return record.contains("AllocTRES") ? record.at("AllocTRES") : record.contains("TRES") ? record.at("TRES") : "";
  }
  void TearDown() override {
    if (lab_ != nullptr) run_command({"scancel", "--me"});
    SlurmRunsFixture::TearDown();
  }
  std::string status() const { return muster({"status", run()}).output; }
  static std::string queue() { return base::trim(run_command({"squeue", "--noheader", "--format=%i"}).output); }
};

TEST_F(SlurmRequests, TheJobIsThatOfThePlanWhateverTheShellAroundSubmitHasSet) {
  const std::string cluster_text = base::read_file(cluster());
  base::write_file(cluster(), cluster_text + "sbatch_flags = [\"--mem=0\", \"--gres=gpu:2\"]\n");
  const Words around{"SBATCH_PARTITION=short", "SBATCH_TIMELIMIT=3",     "SBATCH_ARRAY_INX=0-1",
                     "SBATCH_EXCLUSIVE=user",  "SLURM_MEM_PER_NODE=500", "SLURM_MEM_PER_CPU=100",
                     "SLURM_GPUS_PER_NODE=1",  "SLURM_GRES=gpu:1",       "SLURM_CPUS_PER_GPU=1",
                     "SLURM_NTASKS=64",        "SLURM_TIME_FORMAT=%k",   "SLURM_RESTART_COUNT=2",
                     "SALLOC_QOS=none",        "SRUN_CPUS_PER_TASK=1"};
  const CommandResult submitted = submit_in(around, 2, {"requeue.max=1", "checkpoint.every=1"});
  ASSERT_EQ(submitted.code, 0) << submitted.output;
  for (const std::string& line : around) EXPECT_NE(submitted.output.find(line), std::string::npos) << line;
  ASSERT_TRUE(wait_for(paths().rank_log(0, 1))) << logs();
  const std::string id = jobs().back();
  slurm::Record job = shown("job", id);
  EXPECT_EQ(job["Partition"], "batch");
  EXPECT_EQ(job["TimeLimit"], "00:30:00");
  EXPECT_EQ(job["NumNodes"], "2");
  EXPECT_EQ(job["Restarts"], "0");
  const std::string all = tres_of(job);
  ASSERT_NE(all.find("mem="), std::string::npos) << all;
  // Memory and GPUs of the agents' step are the job's.
  const std::string step = tres_of(shown("step", id + ".0"));
  for (const std::string& part : base::split(all, ','))
    if (part.starts_with("mem=")) {
      EXPECT_NE(step.find(part), std::string::npos) << step;
    }
  const Words gpus = of_agents("CUDA_VISIBLE_DEVICES");
  EXPECT_GE(gpus.size(), 2U);
  EXPECT_EQ(gpus, Words(gpus.size(), "0,1"));
  EXPECT_EQ(muster({"cancel", run()}).code, 0);
}

TEST_F(SlurmRequests, AJobThatSharesItsNodesHasItsCpusWhateverTheReleaseCallsThem) {
  base::write_file(cluster(), base::read_file(cluster()) + "exclusive = false\nsbatch_flags = [\"--mem=200\"]\n");
  ASSERT_EQ(submit_in({"SLURM_CPUS_PER_TASK=7", "SLURM_TRES_PER_TASK=cpu:7"}, 2, {"threads=3"}).code, 0);
  ASSERT_TRUE(wait_for(paths().rank_log(0, 1))) << logs();
  EXPECT_NE(tres_of(shown("job", jobs().back())).find("mem=400M,node=2"), std::string::npos);
  EXPECT_EQ(muster({"cancel", run()}).code, 0);
  EXPECT_EQ(verdict().code, 128 + SIGTERM) << logs();
}

TEST_F(SlurmRequests, AJobWaitsForANodeThatDoesNotAnswer) {
  const Words names{"node0", "node1"};
  const auto commands = slurm::make_command_queries();
  run_command({"scontrol", "update", "nodename=node1", "state=drain", "reason=a test of ours"});
  EXPECT_TRUE(commands->nodes(names)[1].is_away());
  const CommandResult submitted = submit_in({}, 2, {});
  EXPECT_EQ(submitted.code, 0) << submitted.output;
  EXPECT_NE(submitted.output.find("it waits for node1"), std::string::npos) << submitted.output;
  run_command({"scontrol", "update", "nodename=node1", "state=resume"});
  EXPECT_EQ(muster({"cancel", run()}).code, 0);
  run_command({"scontrol", "update", "nodename=node1", "state=noresp"});
  const std::string state = commands->nodes(names)[1].state;
  EXPECT_NE(state.find("NOT_RESPONDING"), std::string::npos) << state;
  EXPECT_TRUE(commands->nodes(names)[1].is_away()) << state;
}

TEST_F(SlurmRequests, AFlagThatContradictsThePlanLeavesNothingBehind) {
  const CommandResult result = submit_in({}, 2, {}, {"--sbatch-flag=--nodes=1", "--partition", "batch,short"});
  EXPECT_EQ(result.code, 2) << result.output;
  EXPECT_NE(result.output.find("--nodes=1 of sbatch contradicts the plan, which has --nodes=2"), std::string::npos)
      << result.output;
  EXPECT_FALSE(fs::exists(run()));
}

TEST_F(SlurmRequests, AJobThatWasTakenIsFoundWhateverSbatchPrints) {
  const Words held{"--sbatch-flag=--hold", "--partition", "batch,short", "--time-limit-min", "5"};
  const Words with_wrapper{text("PATH=", stand_ins().string(), ":", std::getenv("PATH"))};
  const std::string real = "[[ \" $* \" == *' --test-only '* ]] && exec $real \"$@\"\n";
  for (const char* wrapper :
       {"echo no partition specified; $real \"$@\"", "$real \"$@\"; echo 4711 hours left in project 12",
        "$real \"$@\" | sed 's/.*/Submitted batch job & on cluster lab/'", "$real \"$@\" > /dev/null; echo thanks",
        "$real \"$@\"; echo 4711", "$real \"$@\" > /dev/null; echo log full; exit 1",
        "$real --parsable < ${@: -1} > /dev/null"}) {
    fs::remove_all(run());
    stand_in("sbatch", real + wrapper);
    const CommandResult result = submit_in(with_wrapper, 2, {}, held);
    ASSERT_EQ(result.code, 0) << wrapper << "\n" << result.output;
    EXPECT_EQ(jobs().back(), queue()) << wrapper;
    EXPECT_EQ(muster({"cancel", run()}).code, 0);
  }
  // Two jobs of one run are none: both are cancelled, and the folder stays.
  fs::remove_all(run());
  stand_in("sbatch", real + "$real \"$@\"; $real \"$@\"");
  const CommandResult twice = submit_in(with_wrapper, 2, {}, held);
  EXPECT_EQ(twice.code, 3) << twice.output;
  EXPECT_NE(twice.output.find("are cancelled"), std::string::npos) << twice.output;
  EXPECT_EQ(queue(), "");
  EXPECT_TRUE(fs::exists(paths().plan()));
  // What was refused has no job, and its folder goes.
  fs::remove_all(run());
  stand_in("sbatch", real + "echo 'sbatch: error: no more jobs today' >&2; exit 1");
  const CommandResult refused = submit_in(with_wrapper, 2, {}, held);
  EXPECT_EQ(refused.code, 3) << refused.output;
  EXPECT_NE(refused.output.find("no more jobs today"), std::string::npos) << refused.output;
  EXPECT_FALSE(fs::exists(run()));
}

TEST_F(SlurmRequests, ARunHasOneJobAtATimeAndIsKnownByAllItHad) {
  ASSERT_EQ(submit_in({}, 1, {}, {"--sbatch-flag=--hold"}).code, 0);
  const std::string first = jobs().back();
  const CommandResult second = muster({"submit", "--run-dir", run()});
  EXPECT_EQ(second.code, 2) << second.output;
  EXPECT_NE(second.output.find(text("job ", first, " of this run is pending")), std::string::npos) << second.output;
  EXPECT_NE(status().find("state         waiting\n"), std::string::npos) << status();
  EXPECT_EQ(muster({"cancel", run()}).code, 0);
  EXPECT_NE(status().find("state         ended (cancelled before it began)\n"), std::string::npos) << status();
  EXPECT_NE(status().find("muster submit --run-dir " + run()), std::string::npos) << status();
  const CommandResult logs = muster({"logs", "-f", run()});
  EXPECT_EQ(logs.code, 2) << logs.output;
  EXPECT_NE(logs.output.find(text("job ", first, " is CANCELLED, and no attempt of this run has begun")),
            std::string::npos)
      << logs.output;
  const CommandResult again = muster({"cancel", run()});
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.output.find("nothing to cancel"), std::string::npos) << again.output;

  const CommandResult third = muster({"submit", "--run-dir", run(), "--sbatch-flag=--hold"});
  ASSERT_EQ(third.code, 0) << third.output;
  ASSERT_EQ(jobs().size(), 2U);
  // By the id of its first job: runs are looked for in runs/.
  fs::create_directory_symlink(folder_.path(), folder_.path() / "runs");
  const std::string by_id = text("cd '", folder_.path().string(), "' && ", kBinaries, "/muster ");
  EXPECT_NE(run_command({"bash", "-c", by_id + "status " + first}).output.find(jobs().back() + " PENDING"),
            std::string::npos);
  EXPECT_EQ(run_command({"bash", "-c", by_id + "cancel " + first}).code, 0);
  EXPECT_EQ(queue(), "");
  fs::remove(folder_.path() / "runs");
}

TEST_F(SlurmRequests, ASupervisorThatIsToldToEndEndsTheRanksGently) {
  ASSERT_EQ(submit_in({}, 2, {}).code, 0);
  for (int rank : {0, 1}) ASSERT_TRUE(wait_for(paths().rank_log(0, rank))) << logs();
  const auto epoch = spec::current_epoch(run());
  ASSERT_TRUE(epoch);
  ASSERT_EQ(::kill(static_cast<pid_t>(epoch->pid), SIGTERM), 0);
  EXPECT_EQ(verdict().code, 128 + SIGTERM) << logs();
  for (int rank : {0, 1}) {
    ASSERT_TRUE(fs::exists(paths().rank_exit(0, rank))) << logs();
    const auto record = spec::parse_exit_record(base::read_file(paths().rank_exit(0, rank)), "record");
    EXPECT_EQ(record.signal, SIGTERM);
  }
  EXPECT_EQ(logs().find("signal 9"), std::string::npos) << logs();
}

TEST_F(SlurmRequests, StatusKnowsARunThatIsQueuedAgainAndOneThatNeverBegan) {
  Words words = job("submit", 2, 1, {fake("\"run\", \"1:segv\""), "requeue.max=2", "checkpoint.every=1"});
  ASSERT_EQ(run_command(words).code, 0);
  EXPECT_EQ(verdict().code, 4) << logs();
  const base::Stopwatch watch;
  while (status().find("PENDING") == std::string::npos && watch.elapsed_s() < 20) pause();
  EXPECT_NE(status().find("state         waiting (attempt 2 of 3)\n"), std::string::npos) << status();
  EXPECT_NE(status().find(", restarted once"), std::string::npos) << status();
  EXPECT_EQ(muster({"status", run()}).code, 0) << "it goes on";
  const CommandResult here = muster({"run", "--run-dir", run()});
  EXPECT_EQ(here.code, 2) << here.output;
  EXPECT_NE(here.output.find(" of this run is pending"), std::string::npos) << here.output;
  EXPECT_EQ(muster({"cancel", run()}).code, 0);
  EXPECT_NE(status().find("state         ended (cancelled before its next attempt began)\n"), std::string::npos)
      << status();
  EXPECT_EQ(muster({"status", run()}).code, 128 + SIGTERM);

  fs::remove_all(run());
  write_cluster("batch", 30, "\"echo the module is gone\", \"exit 3\"");
  ASSERT_EQ(submit_in({}, 1, {}).code, 0);
  const base::Stopwatch ended;
  while (status().find("state         failed") == std::string::npos && ended.elapsed_s() < 20) pause();
  EXPECT_NE(status().find("state         failed (its job is FAILED, before it began)\n"), std::string::npos)
      << status();
  EXPECT_NE(status().find("the module is gone"), std::string::npos) << status();
}

TEST_F(SlurmRequests, BothFormsOfQueriesSayTheSameOfEveryNodePartitionAndJob) {
  const auto plugin = slurm::make_plugin_queries();
  if (!plugin) GTEST_SKIP() << "no libslurm plugin here: " << slurm::plugin_trouble();
  const auto commands = slurm::make_command_queries();
  EXPECT_TRUE(std::string(plugin->form()).starts_with("libslurm 2")) << plugin->form();
  const auto sbatch = [](Words flags, const std::string& work) {
    flags.insert(flags.begin(), {"sbatch", "--parsable", "--output=/dev/null"});
    flags.push_back("--wrap=" + work);
    return base::trim(run_command(flags).output);
  };
  const Words ids{sbatch({"--nodes=1", "--mem=100", "--job-name=a name", "--time=90"}, "sleep 60"),
                  sbatch({"--hold", "--mem=100"}, "true"), sbatch({"--mem=100"}, "exit 3"),
                  sbatch({"--mem=100"}, "true"), sbatch({"--nodes=2", "--exclusive"}, "true")};
  const base::Stopwatch watch;
  while (commands->job(ids[3])->state != "COMPLETED" && watch.elapsed_s() < 20) pause();
  run_command({"scancel", ids[4]});
  run_command({"scontrol", "update", "nodename=node1", "state=drain", "reason=a test of ours"});
  const Words names{"node1", "node0"};
  EXPECT_EQ(plugin->nodes(names), commands->nodes(names));
  run_command({"scontrol", "update", "nodename=node1", "state=resume"});
  run_command({"scontrol", "update", "nodename=node1", "state=noresp"});
  const std::vector<slurm::NodeFacts> silent = commands->nodes(names);
  EXPECT_EQ(plugin->nodes(names), silent);
  EXPECT_TRUE(silent[0].is_away()) << silent[0].state;
  EXPECT_EQ(plugin->partitions(), commands->partitions());
  for (const std::string& id : ids) {
    ASSERT_TRUE(commands->job(id)) << id;
    EXPECT_EQ(plugin->job(id), commands->job(id)) << id << ' ' << commands->job(id)->state;
  }
  EXPECT_EQ(plugin->job("987654"), std::nullopt);
  EXPECT_EQ(commands->job("987654"), std::nullopt);
  run_command({"scancel", "--user=" + base::trim(run_command({"id", "-un"}).output)});
}

}  // namespace
}  // namespace muster::tests
