#include "runtime/spec/origin.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::spec {
namespace {

TEST(Origin, IsReadAsItWasWritten) {
  const tests::TemporaryFolder folder;
  EXPECT_EQ(read_origin(folder.path()), std::nullopt);
  const Origin origin{.job_file = "/jobs/a \"b\".toml",
                      .cluster = "local",
                      .overrides = {"grpo.steps=3", "name=\"x\""},
                      .from_run = "/runs/one",
                      .from_step = 12};
  write_origin(folder.path(), origin);
  EXPECT_EQ(read_origin(folder.path()), origin);
}

TEST(Origin, ABrokenFileIsNamed) {
  const tests::TemporaryFolder folder;
  for (const char* const content : {"", "[]", "{\"job_file\": 3}"}) {
    base::write_file(origin_file(folder.path()), content);
    try {
      read_origin(folder.path());
      FAIL() << content;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("origin.json"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace muster::spec
