#include "runtime/spec/epoch.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "tests/support/temporary_folder.h"

namespace muster::spec {
namespace {

const Epoch kEpoch{.attempt = 3, .id = "abcd", .host = "node7", .boot_id = "b-1", .pid = 42, .start_ticks = 77};

TEST(Epoch, ReadsWhatItWrote) { EXPECT_EQ(parse_epoch(epoch_text(kEpoch), "here"), kEpoch); }

TEST(Epoch, ABrokenFileIsRefusedWithItsPlace) {
  try {
    parse_epoch("{\"attempt\": \"3\"}", "runs/a/epoch");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("runs/a/epoch"), std::string::npos);
  }
}

TEST(Epoch, OnlyTheOwnerOfTheFolderMayPublish) {
  tests::TemporaryFolder folder;
  base::write_file(folder.path() / "epoch", epoch_text(kEpoch));
  EXPECT_NO_THROW(check_epoch(folder.path(), "abcd"));
  EXPECT_THROW(check_epoch(folder.path(), "other"), Error);
}

TEST(Epoch, AFolderThatIsGoneIsTheUsersFault) {
  tests::TemporaryFolder folder;
  base::write_file(folder.path() / "epoch", epoch_text(kEpoch));
  EXPECT_FALSE(is_removed(folder.path()));
  std::filesystem::remove(folder.path() / "epoch");
  EXPECT_TRUE(is_removed(folder.path()));
  try {
    check_epoch(folder.path(), "abcd");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_NE(std::string(error.what()).find("removed or moved"), std::string::npos) << error.what();
  }
}

TEST(Epoch, AnotherProcessWithTheSupervisorsNumberIsNotTakenForIt) {
  // Its command line mentions muster, and it is not ours.
  const pid_t other = base::start_child({.command = {"/bin/bash", "-c", "exec -a muster-notes sleep 60"}});
  Epoch epoch{.id = "x", .host = this_host(), .boot_id = this_boot_id(), .pid = other};
  EXPECT_FALSE(is_alive_here(epoch)) << "a file of an older version";
  epoch.start_ticks = base::process_facts(other).value().start_ticks;
  EXPECT_TRUE(is_alive_here(epoch));
  --epoch.start_ticks;
  EXPECT_FALSE(is_alive_here(epoch));
  ++epoch.start_ticks;
  epoch.boot_id = "before";
  EXPECT_FALSE(is_alive_here(epoch));
  base::signal_child(other, SIGKILL);
  base::wait_child(other, true);
}

TEST(Epoch, AnOlderFileIsRead) {
  EXPECT_EQ(parse_epoch(R"({"attempt":3,"id":"abcd","host":"node7","boot_id":"b-1","pid":42})", "here").start_ticks, 0);
}

}  // namespace
}  // namespace muster::spec
