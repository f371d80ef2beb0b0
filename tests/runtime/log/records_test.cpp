#include "runtime/log/records.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/spec/epoch.h"
#include "tests/support/temporary_folder.h"

namespace muster::log {
namespace {

TEST(Records, CarryTheAttemptAndAreFlushedLineByLine) {
  tests::TemporaryFolder folder;
  const spec::RunPaths paths{folder.path()};
  base::write_file(paths.epoch(), spec::epoch_text({.attempt = 2, .id = "abc"}));
  Records records(paths, 2, "abc");
  records.sample({.step = 3,
                  .prompt_index = 1,
                  .tokens = {5, 6},
                  .logprobs = {-0.5F, -1.F},
                  .reward = 1,
                  .outcome = "graded",
                  .finish = "stop"});
  records.warmup({{"kind", "sft"}, {"step", 1}});
  const auto samples = base::read_json_lines(paths.samples());
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_EQ(samples[0]["attempt"], 2);
  EXPECT_EQ(samples[0]["tokens"].size(), 2u);
  EXPECT_EQ(base::read_json_lines(paths.warmup()).at(0)["attempt"], 2);
}

TEST(Records, AnAttemptThatWasFollowedWritesNothingMore) {
  tests::TemporaryFolder folder;
  const spec::RunPaths paths{folder.path()};
  base::write_file(paths.epoch(), spec::epoch_text({.attempt = 0, .id = "old"}));
  Records records(paths, 0, "old");
  records.warmup({{"step", 1}});
  base::write_file(paths.epoch(), spec::epoch_text({.attempt = 1, .id = "new"}));
  EXPECT_THROW(records.warmup({{"step", 2}}), Error);
  EXPECT_EQ(base::read_json_lines(paths.warmup()).size(), 1u);
}

}  // namespace
}  // namespace muster::log
