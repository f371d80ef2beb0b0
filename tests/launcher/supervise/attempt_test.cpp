#include "launcher/supervise/attempt.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "runtime/spec/checkpoint.h"
#include "tests/support/temporary_folder.h"

namespace muster::supervise {
namespace {

spec::Plan plan_in(const std::filesystem::path& folder) {
  spec::Plan plan;
  plan.ranks = {{.rank = 0}};
  plan.run_folder = folder;
  return plan;
}

const std::vector<spec::NodePlace> kHere{{0, "elsewhere", "10.0.0.1"}};

TEST(Attempt, NumbersFromZeroAndOwnsTheFolder) {
  tests::TemporaryFolder folder;
  const spec::Plan plan = plan_in(folder.path());
  const Attempt first = begin_attempt(plan, kHere);
  const Attempt second = begin_attempt(plan, kHere);
  EXPECT_EQ(first.number(), 0);
  EXPECT_EQ(second.number(), 1);
  EXPECT_NE(first.placement.attempt_id, second.placement.attempt_id);
  EXPECT_EQ(spec::current_epoch(folder.path())->id, second.placement.attempt_id);
  EXPECT_THROW(spec::check_epoch(folder.path(), first.placement.attempt_id), Error);
}

TEST(Attempt, TheKeyIsItsUsersAloneAndGoneAfterwards) {
  tests::TemporaryFolder folder;
  const Attempt attempt = begin_attempt(plan_in(folder.path()), kHere);
  struct stat status {};
  ASSERT_EQ(::stat(attempt.placement.key_file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_GE(status.st_size, 64);
  const spec::Placement placement = spec::read_placement(attempt.paths.placement(0));
  EXPECT_EQ(placement.attempt_id, attempt.placement.attempt_id);
  EXPECT_EQ(base::read_file(attempt.paths.placement(0)).find(base::read_file(attempt.placement.key_file)),
            std::string::npos);
  end_attempt(attempt);
  EXPECT_FALSE(std::filesystem::exists(attempt.placement.key_file));
}

TEST(Attempt, WhatAKilledAttemptLeftIsRemovedByTheNext) {
  tests::TemporaryFolder folder;
  const Attempt killed = begin_attempt(plan_in(folder.path()), kHere);
  const auto half = folder.path() / "attempt_0" / "rank_0.exit.tmp123",
             log = folder.path() / "attempt_0" / "rank_0.log";
  base::write_file(half, "{");
  base::write_file(log, "a line\n");
  ASSERT_TRUE(base::is_there(killed.placement.key_file));
  const Attempt next = begin_attempt(plan_in(folder.path()), kHere);
  EXPECT_FALSE(base::is_there(killed.placement.key_file));
  EXPECT_FALSE(base::is_there(half));
  EXPECT_TRUE(base::is_there(log));
  EXPECT_TRUE(base::is_there(next.placement.key_file));
}

TEST(Attempt, ALinkInTheRunFolderIsNotFollowedAndALinkToItIs) {
  tests::TemporaryFolder folder, others;
  for (const char* name : {"steps.jsonl", "checkpoints"}) {
    std::filesystem::create_symlink(others.path(), folder.path() / name);
    EXPECT_THROW(begin_attempt(plan_in(folder.path()), kHere), Error) << name;
    std::filesystem::remove(folder.path() / name);
  }
  EXPECT_FALSE(base::is_there(folder.path() / "epoch")) << "nothing was begun";
  std::filesystem::create_directory_symlink(folder.path(), others.path() / "run");
  EXPECT_EQ(begin_attempt(plan_in(others.path() / "run"), kHere).number(), 0);
}

TEST(Attempt, ANumberThatSomebodyTookIsPassedOver) {
  tests::TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "attempt_0");
  EXPECT_EQ(begin_attempt(plan_in(folder.path()), kHere).number(), 1);
}

TEST(Attempt, ARunThatIsGoingOnHereIsNotBegunAgain) {
  tests::TemporaryFolder folder;
  const pid_t alive = base::start_child({.command = {"/bin/sleep", "30"}});
  const spec::Epoch epoch{.attempt = 4,
                          .id = "x",
                          .host = spec::this_host(),
                          .boot_id = spec::this_boot_id(),
                          .pid = alive,
                          .start_ticks = base::process_facts(alive).value().start_ticks};
  base::write_file(folder.path() / "epoch", spec::epoch_text(epoch));
  EXPECT_THROW(begin_attempt(plan_in(folder.path()), kHere), Error);
  base::signal_child(alive, SIGKILL);
  base::wait_child(alive, true);
  EXPECT_EQ(begin_attempt(plan_in(folder.path()), kHere).number(), 5);
}

TEST(Attempt, BeginsWhereTheNewestCheckpointOfThisRunIs) {
  tests::TemporaryFolder folder;
  spec::Plan plan = plan_in(folder.path());
  EXPECT_EQ(beginning_text(plan), "begins again at step 1: no checkpoints are written");
  plan.job.checkpoint.every = 2;
  EXPECT_EQ(beginning_text(plan), "begins again at step 1: there is no checkpoint yet");
  const spec::RunPaths paths{folder.path()};
  const auto write = [&](std::int64_t step, std::int64_t said) {
    base::make_folder(spec::checkpoint_folder(paths, step));
    base::write_file(spec::checkpoint_folder(paths, step) / spec::checkpoint_file_name(0), "state");
    base::write_file(spec::manifest_path(spec::checkpoint_folder(paths, step)),
                     spec::checkpoint_manifest_json({.step = said,
                                                     .layout = spec::layout_text(plan),
                                                     .decides = spec::deciding_values(plan),
                                                     .weight_version = 1,
                                                     .files = {{spec::checkpoint_file_name(0), 5, "sum"}}}));
  };
  write(4, 4);
  write(6, 4);
  EXPECT_EQ(beginning_text(plan), "resumes after step 4, or after an older one where a checksum of it is wrong")
      << "the checkpoint of step 6 says that it is another";
  write(4, 2);
  EXPECT_NE(beginning_text(plan).find(
                "cannot go on: none of its 2 checkpoints can be used; the newest: its folder is of step 6"),
            std::string::npos)
      << beginning_text(plan);
}

}  // namespace
}  // namespace muster::supervise
