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

TEST(Records, SamplesCarryTheAnswerAndTheRowThatTheyWereAskedBy) {
  tests::TemporaryFolder folder;
  const spec::RunPaths paths{folder.path()};
  base::write_file(paths.epoch(), spec::epoch_text({.attempt = 0, .id = "abc"}));
  Records records(paths, 0, "abc");
  records.sample({.step = 1, .gold = "18", .row = R"({"question": "9 + 9?", "id": 7})"});
  records.validation_sample({.step = 1, .gold = "4", .row = R"({"id": 8})"});
  records.sample({.step = 2, .row = "no object"});
  const auto samples = base::read_json_lines(paths.samples());
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[0]["gold"], "18");
  EXPECT_EQ(samples[0]["row"]["id"], 7);
  EXPECT_EQ(base::read_json_lines(paths.validation_samples()).at(0)["row"]["id"], 8);
  EXPECT_FALSE(samples[1].contains("gold") || samples[1].contains("row"));
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

TEST(Records, SamplesForWhichThereIsNoRoomAreLeftOutAndStepsAreNot) {
  tests::TemporaryFolder folder;
  const spec::RunPaths paths{folder.path()};
  std::filesystem::create_symlink("/dev/full", paths.samples());
  base::write_file(paths.epoch(), spec::epoch_text({.id = "me"}));
  std::vector<std::string> warnings;
  Records records(paths, 0, "me", false, [&](const std::string& sentence) { warnings.push_back(sentence); });
  records.sample({.step = 1});
  records.sample({.step = 1});
  records.step({.step = 1});
  records.sync();
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("samples.jsonl: cannot append: No space left on device: samples are left out"),
            std::string::npos)
      << warnings[0];
  EXPECT_EQ(base::read_json_lines(paths.steps()).size(), 1u);
}

TEST(Records, StepsForWhichThereIsNoRoomEndTheRunWithAFix) {
  tests::TemporaryFolder folder;
  const spec::RunPaths paths{folder.path()};
  std::filesystem::create_symlink("/dev/full", paths.steps());
  base::write_file(paths.epoch(), spec::epoch_text({.id = "me"}));
  Records records(paths, 0, "me");
  try {
    records.step({.step = 1});
    FAIL() << "written";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_NE(std::string(error.what()).find("free some space there"), std::string::npos) << error.what();
  }
}

TEST(Records, StepsWithoutALineAreNamed) {
  tests::TemporaryFolder folder;
  const auto file = folder.path() / "steps.jsonl";
  EXPECT_EQ(missing_steps(file, 2), (std::vector<std::int64_t>{1, 2}));
  base::write_file(file, "{\"step\":1}\n{\"step\":3}\nnonsense\n{\"step\":7}\n{\"st");
  EXPECT_EQ(missing_steps(file, 4), (std::vector<std::int64_t>{2, 4}));
  EXPECT_TRUE(missing_steps(file, 1).empty());
}

}  // namespace
}  // namespace muster::log
