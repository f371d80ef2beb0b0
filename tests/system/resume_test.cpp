// Checkpoints and what they are for: a run that is killed at any moment, warned, or short of disk goes on as the run
// that was never disturbed. Whole programs, the tiny job on two ranks. MUSTER_KILLS says how many kills (20).
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/files.h"
#include "runtime/base/json_lines.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/spec/checkpoint.h"
#include "tests/support/command.h"
#include "tests/support/same_run.h"
#include "tests/support/small_plan.h"
#include "tests/support/temporary_folder.h"

namespace muster::tests {
namespace {

namespace fs = std::filesystem;
using base::text;

constexpr std::int64_t kSteps = 40, kPrompts = 8, kSamples = 16;

const std::string kMuster = std::string(MUSTER_BINARY_DIR) + "/bin/muster";

class Resume : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    suite_folder_ = new TemporaryFolder;
    const CommandResult result = run_command(first("undisturbed", {}), 120);
    ASSERT_EQ(result.code, 0) << result.output;
  }
  static void TearDownTestSuite() {
    delete suite_folder_;
    suite_folder_ = nullptr;
  }

  static spec::RunPaths paths(const std::string& name) { return {suite_folder_->path() / name}; }

  // Small steps, two updates each, KL to the reference that a supervised start made, checkpoints every 3 steps.
  static std::vector<std::string> first(const std::string& name, std::vector<std::string> changes) {
    std::vector<std::string> command{kMuster, "run", "reverse-digits", "--run-dir", paths(name).folder.string()};
    for (const std::string& change :
         {text("grpo.steps=", kSteps), text("grpo.prompts_per_step=", kPrompts),
          text("grpo.samples_per_prompt=", kSamples), std::string("train.gbs=64"), std::string("gen.dp=2"),
          std::string("train.dp=2"), std::string("warmup.sft_steps=44"), std::string("warmup.stop_at_reward=0"),
          std::string("loss.kl_weight=0.01"), std::string("checkpoint.every=3"), std::string("log.samples=-1")})
      changes.insert(changes.begin(), change);
    for (const std::string& change : changes) command.insert(command.end(), {"--set", change});
    return command;
  }
  static std::vector<std::string> next(const std::string& name) {
    return {kMuster, "run", "--run-dir", paths(name).folder.string()};
  }

  // The processes of a run that are `bin/muster run`, `bin/muster-runtime node` or `bin/muster-rank`.
  static std::vector<pid_t> processes(const std::string& name, const std::string& program) {
    std::vector<pid_t> found;
    for (const pid_t pid : processes_with(paths(name).folder.string())) {
      std::string words;
      std::getline(std::ifstream(text("/proc/", pid, "/cmdline")), words);
      for (char& c : words) c = c == '\0' ? ' ' : c;
      if (words.find("bin/" + program) != std::string::npos) found.push_back(pid);
    }
    return found;
  }
  static void pause(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }
  static bool wait_for_checkpoint(const std::string& name) {
    const base::Stopwatch watch;
    while (spec::complete_checkpoints(paths(name)).empty() && watch.elapsed_s() < 60) pause(0.01);
    return !spec::complete_checkpoints(paths(name)).empty();
  }

  static void survive_kills(const std::string& undisturbed, const std::vector<std::string>& changes, int usual = 20,
                            bool is_repeatable = true);

  static TemporaryFolder* suite_folder_;
};

TemporaryFolder* Resume::suite_folder_ = nullptr;

std::int64_t samples_of(const std::vector<std::string>& changes) {
  const std::string key = "grpo.samples_per_prompt=";
  for (const std::string& change : changes)
    if (change.starts_with(key)) return std::stoll(change.substr(key.size()));
  return kSamples;
}

// Runs with these changes are killed until `num_kills` kills are spent; each is the undisturbed run in the end, or,
// where that is another each time, trains on each prompt once.
void Resume::survive_kills(const std::string& undisturbed, const std::vector<std::string>& changes, int usual,
                           bool is_repeatable) {
  const char* asked = std::getenv("MUSTER_KILLS");
  const int num_kills = asked != nullptr ? std::atoi(asked) : usual;
  std::mt19937 random(7);
  const std::vector<std::string> programs{"muster-rank", "muster-runtime node ", "muster run "};
  int kills = 0;
  for (int run = 0; kills < num_kills; ++run) {
    const std::string name = text(undisturbed, "_killed_", run);
    bool is_over = false;
    for (int attempt = 0; !is_over; ++attempt) {
      const fs::path log = suite_folder_->path() / text(name, "_", attempt, ".log");
      const pid_t pid = base::start_child({.command = attempt == 0 ? first(name, changes) : next(name), .output = log});
      if (kills < num_kills) {
        // Half of the kills come while it starts and loads, half while it makes its steps.
        if (attempt % 2 == 1) wait_for_checkpoint(name);
        pause(std::uniform_real_distribution<>(0, 1.2)(random));
        const std::vector<pid_t> victims = processes(name, programs[random() % programs.size()]);
        if (!victims.empty()) ::kill(victims[random() % victims.size()], SIGKILL);
      }
      const std::optional<base::ChildEnd> end = base::wait_child(pid, true);
      ASSERT_TRUE(end);
      is_over = end->code == 0 && end->signal == 0;
      if (!is_over) ++kills;
      ASSERT_TRUE(is_over || end->signal == SIGKILL || end->code == 4 || end->code == 3) << "code " << end->code << "\n"
                                                                                         << base::read_file(log);
      ASSERT_LT(attempt, 4 * num_kills);
    }
    if (is_repeatable) expect_same_run(paths(name), paths(undisturbed), kSteps);
    expect_each_prompt_once(paths(name), kSteps, kPrompts, samples_of(changes));
    EXPECT_TRUE(spec::unfinished_checkpoints(paths(name)).empty());
    EXPECT_EQ(spec::complete_checkpoints(paths(name)), (std::vector<std::int64_t>{kSteps - 4, kSteps - 1}));
  }
}

TEST_F(Resume, KilledAtAnyMomentItIsTheSameRun) { survive_kills("undisturbed", {}); }

// Generation runs one step ahead on a rank of its own: what waits for its training is a part of the checkpoint.
TEST_F(Resume, KilledOffPolicyItIsTheSameRun) {
  const std::vector<std::string> changes{"placement.mode=split", "gen.dp=1", "train.dp=1", "async.enabled=true",
                                         "loss.correction=truncate"};
  const CommandResult result = run_command(first("off_policy", changes), 120);
  ASSERT_EQ(result.code, 0) << result.output;
  survive_kills("off_policy", changes);
}

// Groups that were drawn beyond a step wait for the next one: they are a part of the checkpoint.
TEST_F(Resume, KilledWithDynamicSamplingItIsTheSameRun) {
  const std::vector<std::string> changes{"grpo.dynamic_sampling=true", "grpo.batch_multiplier=2",
                                         "grpo.samples_per_prompt=8", "train.gbs=32", "loss.correction=truncate"};
  const CommandResult result = run_command(first("dynamic", changes), 120);
  ASSERT_EQ(result.code, 0) << result.output;
  survive_kills("dynamic", changes, 6);
}

TEST_F(Resume, KilledWithUpdatesInFlightItLosesAndDoublesNoPrompt) {
  survive_kills("in_flight",
                {"placement.mode=split", "gen.dp=1", "train.dp=1", "async.enabled=true", "async.in_flight_updates=true",
                 "async.max_staleness=2", "loss.correction=truncate"},
                12, false);
}

TEST_F(Resume, WarnedItStopsWithACheckpointAndGoesOn) {
  const fs::path log = suite_folder_->path() / "warned.log";
  const pid_t pid = base::start_child({.command = first("warned", {"checkpoint.every=1000"}), .output = log});
  const base::Stopwatch watch;
  while (!fs::exists(paths("warned").steps()) || fs::file_size(paths("warned").steps()) == 0) {
    ASSERT_LT(watch.elapsed_s(), 60);
    pause(0.01);
  }
  ::kill(pid, SIGUSR2);
  const std::optional<base::ChildEnd> end = base::wait_child(pid, true);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 3) << base::read_file(log);
  EXPECT_NE(base::read_file(log).find("resumes after step"), std::string::npos) << base::read_file(log);
  ASSERT_EQ(spec::complete_checkpoints(paths("warned")).size(), 1u);
  const CommandResult result = run_command(next("warned"), 120);
  EXPECT_EQ(result.code, 0) << result.output;
  expect_same_run(paths("warned"), paths("undisturbed"), kSteps);
}

TEST_F(Resume, EveryLayoutGoesOnAsItWas) {
  const std::map<std::string, std::vector<std::string>> layouts{
      {"pp2", {"train.pp=2", "train.dp=1"}},
      {"fsdp2", {"train.backend=dtensor", "train.fsdp=1"}},
      {"cp2 dp2", {"train.cp=2", "gen.dp=4"}},
      {"cp2 by fsdp", {"train.cp=2", "train.dp=1", "train.backend=dtensor", "train.fsdp=1"}},
      {"dp2 in buckets",
       {"train.bucket_params=20000", "train.overlap_grad_reduce=true", "train.overlap_param_gather=true"}},
      {"dp2 in buckets, bf16",
       {"train.bucket_params=20000", "model.dtype=bf16", "gen.dtype=bf16", "train.grad_dtype=bf16"}},
      {"experts, ep2",
       {"model.path=" MUSTER_SOURCE_DIR "/templates/models/reverse-digits-moe", "moe.freeze_router=false", "train.ep=2",
        "gen.ep=2", "train.bucket_params=20000", "train.overlap_grad_reduce=true"}},
      {"whole experts over tp2",
       {"model.path=" MUSTER_SOURCE_DIR "/templates/models/reverse-digits-moe", "train.tp=2", "train.dp=1"}},
      {"latent attention, pp2",
       {"model.path=" MUSTER_SOURCE_DIR "/templates/models/reverse-digits-mla", "moe.freeze_router=false", "train.pp=2",
        "train.dp=1"}},
      {"after a start that measures its reward",
       {"warmup.stop_at_reward=1", "warmup.check_every=2", "warmup.check_prompts=8"}},
      {"dynamic sampling, split",
       {"grpo.dynamic_sampling=true", "grpo.batch_multiplier=2", "loss.correction=truncate", "placement.mode=split",
        "train.dp=1", "gen.dp=1"}},
      {"split, train tp2", {"placement.mode=split", "train.tp=2", "train.dp=1", "gen.dp=1"}},
  };
  for (const auto& [name, changes] : layouts) {
    std::vector<std::string> all{"grpo.steps=5", "validate.every=2", "data.held_out=64", "validate.prompts=8"};
    all.insert(all.end(), changes.begin(), changes.end());
    const CommandResult whole = run_command(first(name, all), 120);
    ASSERT_EQ(whole.code, 0) << whole.output;
    // A copy that lost all that came after the checkpoint of step 3 makes steps 4 and 5 again.
    const std::string again = name + " again";
    fs::copy(paths(name).folder, paths(again).folder, fs::copy_options::recursive);
    fs::remove_all(paths(again).final_model());
    fs::remove(paths(again).verdict(0));  // a run whose last attempt did all its steps is not started again
    const CommandResult rest = run_command(next(again), 120);
    ASSERT_EQ(rest.code, 0) << rest.output;
    EXPECT_NE(rest.output.find("resumes after step 3"), std::string::npos) << rest.output;
    expect_same_run(paths(again), paths(name), 5);
  }
}

TEST_F(Resume, ADamagedCheckpointIsPassedOver) {
  ASSERT_EQ(run_command(first("damaged", {}), 120).code, 0);
  const auto damage = [](std::int64_t step) {
    const fs::path file = spec::checkpoint_folder(paths("damaged"), step) / "train_1.safetensors";
    std::string content = base::read_file(file);
    content.back() ^= 1;
    base::write_file(file, content);
  };
  damage(kSteps - 1);
  fs::remove(paths("damaged").verdict(0));  // as if its supervisor had been killed before its last word
  const CommandResult older = run_command(next("damaged"), 120);
  EXPECT_EQ(older.code, 0) << older.output;
  const std::string log = base::read_file(paths("damaged").rank_log(1, 1));
  EXPECT_NE(log.find("train_1.safetensors has another checksum"), std::string::npos) << log;
  expect_same_run(paths("damaged"), paths("undisturbed"), kSteps);

  for (const std::int64_t step : spec::complete_checkpoints(paths("damaged"))) damage(step);
  fs::remove(paths("damaged").verdict(1));
  const CommandResult none = run_command(next("damaged"), 120);
  EXPECT_EQ(none.code, 2) << none.output;
  EXPECT_NE(
      none.output.find(
          "none of the 2 checkpoints of this run can be used; the newest: train_1.safetensors has another checksum"),
      std::string::npos)
      << none.output;
}

TEST_F(Resume, WithoutRoomForACheckpointTheRunGoesOnAndSaysSo) {
  // No file of a rank may grow past 400 KB: each rank's state has about 800.
  const CommandResult result = run_command(
      first("full", {"rank_wrapper=[\"sh\", \"-c\", \"trap '' XFSZ; ulimit -f 800; exec \\\"$@\\\"\", \"sh\"]",
                     "log.samples=0", "checkpoint.final_model=false"}),
      120);
  EXPECT_EQ(result.code, 0) << result.output;
  const std::string log = base::read_file(paths("full").rank_log(0, 1));
  EXPECT_NE(log.find("the checkpoint of step 3 is not written"), std::string::npos) << log;
  EXPECT_TRUE(spec::complete_checkpoints(paths("full")).empty());
  EXPECT_TRUE(spec::unfinished_checkpoints(paths("full")).empty());
}

TEST_F(Resume, AFolderThatBecomesReadOnlyCostsTheCheckpointsAfterIt) {
  const std::string folder = paths("readonly").checkpoints().string();
  std::string command;
  for (const std::string& word : first("readonly", {"log.samples=0", "checkpoint.final_model=false"}))
    command += base::shell_quoted(word) + " ";
  // The first checkpoint is whole, and the folder turns read-only while the next are written.
  const std::string script = text(
      "(until ls '", folder, "' 2> /dev/null | grep -q '^step_[0-9]*$'; do sleep 0.01; done; mount --bind '", folder,
      "' '", folder, "' && mount -o remount,bind,ro '", folder, "') & ", command, "; code=$?; wait; exit $code");
  const CommandResult may = run_command({"unshare", "--mount", "true"}, 10);
  if (may.code != 0) GTEST_SKIP() << "no mount namespace may be made here: " << may.output;
  const CommandResult result = run_command({"unshare", "--mount", "sh", "-c", script}, 120);
  EXPECT_EQ(result.code, 0) << result.output;
  const std::string log =
      base::read_file(paths("readonly").rank_log(0, 0)) + base::read_file(paths("readonly").rank_log(0, 1));
  EXPECT_NE(log.find("is not written"), std::string::npos) << log;
  EXPECT_NE(log.find("Read-only file system"), std::string::npos) << log;
  const std::vector<std::int64_t> whole = spec::complete_checkpoints(paths("readonly"));
  ASSERT_FALSE(whole.empty());
  EXPECT_LT(whole.back(), kSteps);
  EXPECT_EQ(base::read_json_lines(paths("readonly").steps()).size(), static_cast<std::size_t>(kSteps));
}

}  // namespace
}  // namespace muster::tests
