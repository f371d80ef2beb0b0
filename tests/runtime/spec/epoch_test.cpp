#include "runtime/spec/epoch.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::spec {
namespace {

const Epoch kEpoch{.attempt = 3, .id = "abcd", .host = "node7", .boot_id = "b-1", .pid = 42};

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
  EXPECT_NO_THROW(check_epoch(folder.path(), "abcd"));
  base::write_file(folder.path() / "epoch", epoch_text(kEpoch));
  EXPECT_NO_THROW(check_epoch(folder.path(), "abcd"));
  EXPECT_THROW(check_epoch(folder.path(), "other"), Error);
}

}  // namespace
}  // namespace muster::spec
