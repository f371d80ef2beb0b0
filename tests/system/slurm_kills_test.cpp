// Runs under Slurm of which parts are killed at random moments: ranks, agents, supervisors, srun, slurmstepd and
// slurmd. In the end each is the run that was never disturbed, and nobody has to submit it again. MUSTER_SLURM_KILLS
// says how many kills (3).
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <random>

#include "runtime/spec/checkpoint.h"
#include "runtime/spec/epoch.h"
#include "tests/support/same_run.h"
#include "tests/system/slurm_runs_fixture.h"

namespace muster::tests {
namespace {

constexpr std::int64_t kSteps = 100, kPrompts = 8, kSamples = 4;
constexpr double kPatience_s = 200;  // for another attempt: Slurm needs a while to miss a slurmd or a batch script

// What is killed. `step` and `batch` are the slurmstepd of the agents' step and of the batch script; `lost` is a slurmd
// that stays away until Slurm has given its node up.
const std::vector<std::string> kKinds{"srun", "supervisor", "agent", "rank", "step", "slurmd", "batch", "lost"};

class SlurmKills : public SlurmRunsFixture {
 protected:
  void submit_run() {
    const CommandResult result =
        fs::exists(paths().plan())
            ? run_command({kBinaries + "/muster", "submit", "--run-dir", run()}, kPatience_s)
            : run_command(job("submit", 2, 1,
                              {text("grpo.steps=", kSteps), text("grpo.prompts_per_step=", kPrompts),
                               text("grpo.samples_per_prompt=", kSamples), "train.gbs=16", "checkpoint.every=3",
                               "warmup.sft_steps=30", "loss.kl_weight=0.01", "checkpoint.final_model=true",
                               "log.samples=-1", "requeue.max=100", "watchdog.beat_timeout_s=10"}),
                          kPatience_s);
    ASSERT_EQ(result.code, 0) << result.output;
  }
  static bool is_queued() { return !base::trim(run_command({"squeue", "-h", "-o", "%T"}, kPatience_s).output).empty(); }
  std::int64_t attempt() const {
    const auto epoch = spec::current_epoch(run());
    return epoch ? epoch->attempt : -1;
  }
  std::int64_t newest_checkpoint() const {
    const std::vector<std::int64_t> steps = spec::complete_checkpoints(paths());
    return steps.empty() ? 0 : steps.back();
  }
  bool has_finished() const {
    const auto verdict = attempt() < 0 ? std::nullopt : records::read_verdict(paths(), attempt());
    return verdict && verdict->code == 0;
  }
  // Looks often, so that a moment within a step is met.
  static bool wait_until(const std::function<bool()>& there, double patience_s = kPatience_s) {
    for (const base::Stopwatch watch; watch.elapsed_s() < patience_s;
         std::this_thread::sleep_for(std::chrono::milliseconds(30)))
      if (there()) return true;
    return false;
  }

  static std::string words_of(pid_t pid) {
    std::string words;
    try {
      words = base::read_file(text("/proc/", pid, "/cmdline"));
    } catch (const std::exception&) {  // it has ended
    }
    for (char& c : words) c = c == '\0' ? ' ' : c;
    return words;
  }
  std::vector<pid_t> victims(const std::string& kind) const {
    if (kind == "supervisor") return {static_cast<pid_t>(spec::current_epoch(run())->pid)};
    const bool is_daemon = kind == "step" || kind == "batch";
    const std::map<std::string, std::string> shown{{"srun", "srun --job-name="},
                                                   {"agent", "/muster-runtime node "},
                                                   {"rank", "/muster-rank "},
                                                   {"step", "slurmstepd: ["},
                                                   {"batch", "slurmstepd: ["}};
    std::vector<pid_t> found;
    for (const pid_t pid : processes_with(is_daemon ? lab_->config().string() : run())) {
      const std::string words = words_of(pid);
      if (words.find(shown.at(kind)) == std::string::npos) continue;
      if (is_daemon && (words.find(".batch]") != std::string::npos) != (kind == "batch")) continue;
      found.push_back(pid);
    }
    return found;
  }
  int node_of_slot(std::int64_t slot) const {
    const std::string host = spec::read_placement(paths().placement(attempt())).nodes.at(slot).host;
    return std::stoi(host.substr(4));
  }

  // False when there was nothing to kill: the attempt is just ending.
  bool kill_one(const std::string& kind, std::mt19937& random) {
    if (kind == "slurmd" || kind == "lost") {
      const int node = node_of_slot(random() % 2);
      lab_->kill_slurmd(node);
      const std::int64_t before = attempt();
      if (kind == "slurmd")
        wait_until([&] { return !is_queued(); }, 3);
      else
        EXPECT_TRUE(wait_until([&] { return attempt() != before || !is_queued(); })) << logs();
      lab_->start_slurmd(node);
      return true;
    }
    const std::vector<pid_t> found = victims(kind);
    return !found.empty() && ::kill(found[random() % found.size()], SIGKILL) == 0;
  }
};

TEST_F(SlurmKills, WhateverIsKilledItIsTheSameRunAndNobodySubmitsItAgain) {
  submit_run();
  ASSERT_EQ(verdict(0, kPatience_s).code, 0) << logs();
  ASSERT_TRUE(wait_until([&] { return !is_queued(); }));
  const fs::path reference = folder_.path() / "reference";
  fs::rename(run(), reference);

  const char* asked = std::getenv("MUSTER_SLURM_KILLS");
  const int num_kills = asked != nullptr ? std::atoi(asked) : 3;
  std::mt19937 random(11);
  int kills = 0;
  for (int number = 0; kills < num_kills; ++number) {
    submit_run();
    std::int64_t seen = -1, kept = 0;
    while (!has_finished()) {
      // A new attempt; then a moment of its start, or one behind its first checkpoint.
      ASSERT_TRUE(wait_until([&] { return attempt() > seen || has_finished(); })) << logs();
      if (has_finished()) break;
      seen = attempt();
      if (kills < num_kills) {
        if (random() % 2 == 0) wait_until([&] { return newest_checkpoint() > kept || has_finished(); }, 60);
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 1500));
        const std::string& kind = kKinds[kills % kKinds.size()];
        kept = newest_checkpoint();
        if (has_finished() || !kill_one(kind, random)) continue;
        ++kills;
        std::cout << "kill " << kills << ": " << kind << " in attempt " << seen << " of run " << number
                  << ", newest checkpoint " << kept << std::endl;
      }
      ASSERT_TRUE(wait_until([&] { return attempt() > seen || has_finished() || !is_queued(); }))
          << logs() << run_command({"scontrol", "show", "jobs"}).output;
      if (attempt() > seen || has_finished()) continue;
      // It may have ended well between the two looks.
      EXPECT_TRUE(wait_until([&] { return has_finished(); }, 2)) << "a hand is needed" << logs();
      if (!has_finished()) submit_run();
    }
    ASSERT_TRUE(wait_until([&] { return !is_queued() && processes_with(run()).empty(); })) << logs();
    expect_same_run(paths(), {reference}, kSteps);
    expect_each_prompt_once(paths(), kSteps, kPrompts, kSamples);
    EXPECT_TRUE(spec::unfinished_checkpoints(paths()).empty());
    fs::rename(run(), folder_.path() / text("killed_", number));
  }
}

// The warning before the time limit goes to what the batch script runs first, and to nobody else.
TEST_F(SlurmKills, WarnedBySlurmItStopsBehindACheckpointAndIsQueuedAgain) {
  submit_run();
  ASSERT_TRUE(wait_for(paths().steps())) << logs();
  const std::string id = base::trim(run_command({"squeue", "-h", "-o", "%i"}).output);
  ASSERT_EQ(run_command({"scancel", "--signal=USR2", "--batch", id}).code, 0);
  const auto end = verdict(0, kPatience_s);
  EXPECT_EQ(end.code, 3) << logs();
  EXPECT_NE(end.sentence.find("warned that the time is up"), std::string::npos) << end.sentence;
  EXPECT_GT(newest_checkpoint(), 0);
  EXPECT_EQ(verdict(1, kPatience_s).code, 0) << logs();
  expect_each_prompt_once(paths(), kSteps, kPrompts, kSamples);
}

}  // namespace
}  // namespace muster::tests
