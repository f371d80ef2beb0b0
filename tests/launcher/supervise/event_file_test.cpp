#include "launcher/supervise/event_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "launcher/supervise/scalar_feed.h"
#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::supervise {
namespace {

namespace fs = std::filesystem;

TEST(Crc32c, IsCastagnolis) {
  EXPECT_EQ(crc32c_of(""), 0U);
  EXPECT_EQ(crc32c_of("123456789"), 0xe3069283U);            // the check value of the CRC catalogue
  EXPECT_EQ(crc32c_of(std::string(32, '\0')), 0x8a9136aaU);  // RFC 3720, B.4
}

// TensorBoard's own reader agreed (tests/golden/tensorboard/README).
TEST(EventFile, IsWhatTensorBoardsReaderRead) {
  tests::TemporaryFolder folder;
  {
    EventFile file(folder.path(), 1, 1700000000.5);
    file.start(3, 1700000001.25);
    file.add({{"step/reward", 0.25}, {"step/phases/train_s", 12.5}}, 3, 1700000002);
    file.add({{"step/reward", -1e-7}}, 200, 1700000003);
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder.path())) files.push_back(entry.path());
  ASSERT_EQ(files.size(), 1U);
  EXPECT_TRUE(files[0].filename().string().starts_with("events.out.tfevents.1700000000."));
  EXPECT_TRUE(files[0].filename().string().ends_with(".attempt_1"));
  EXPECT_EQ(base::read_file(files[0]),
            base::read_file(fs::path(MUSTER_SOURCE_DIR) / "tests/golden/tensorboard/two_steps"));
}

TEST(Scalars, TakeTheirNamesFromTheRecord) {
  const auto record = nlohmann::json::parse(
      R"({"step":4,"attempt":0,"time":"2026-11-26","synthetic":false,"reward":0.5,"phases":{"train_s":2,"refit_s":null},)"
      R"("losses":[1.0,3.0],"grad_norms":[],"calls":{"train.dp":{"count":7}}})");
  EXPECT_EQ(
      scalars_of(record, "step"),
      (Scalars{
          {"step/calls/train.dp/count", 7}, {"step/losses", 2}, {"step/phases/train_s", 2}, {"step/reward", 0.5}}));
}

class TensorBoardFeed : public testing::Test {
 protected:
  TensorBoardFeed() { plan_.job.log.tensorboard = true; }
  ScalarFeed feed() {
    return {plan_, paths_, 0, [this](const std::string& line) { said_.push_back(line); }};
  }
  void write(const fs::path& file, const std::string& line) const {
    std::ofstream(file, std::ios::app) << line << "\n";
  }
  std::string written() const {
    std::string all;
    if (!fs::exists(folder_.path() / "tensorboard")) return all;
    for (const auto& entry : fs::directory_iterator(folder_.path() / "tensorboard"))
      all += base::read_file(entry.path());
    return all;
  }

  tests::TemporaryFolder folder_;
  spec::RunPaths paths_{folder_.path()};
  spec::Plan plan_;
  std::vector<std::string> said_;
};

TEST_F(TensorBoardFeed, WritesStepsAndValidationsOfThisAttempt) {
  write(paths_.steps(), R"({"step":1,"attempt":0,"old":1})");
  ScalarFeed all = feed();
  all.poll();
  EXPECT_EQ(written(), "") << "no file before the first record";
  write(paths_.steps(), R"({"step":2,"attempt":0,"reward":1})");
  write(paths_.steps(), R"({"step":2,"attempt":7,"strange":1})");
  write(paths_.samples(), R"({"step":2,"attempt":0,"sampled":1})");
  write(paths_.validation(), R"({"step":2,"attempt":0,"pass_at_1":1})");
  all.finish();
  EXPECT_NE(written().find("step/reward"), std::string::npos);
  EXPECT_NE(written().find("validation/pass_at_1"), std::string::npos);
  for (const char* absent : {"old", "strange", "sampled"})
    EXPECT_EQ(written().find(absent), std::string::npos) << absent;
  EXPECT_TRUE(said_.empty());
}

TEST_F(TensorBoardFeed, AFolderThatCannotBeMadeIsSaidOnceAndEndsNothing) {
  write(folder_.path() / "tensorboard", "a file");
  ScalarFeed all = feed();
  for (int step = 1; step < 3; ++step) {
    write(paths_.steps(), R"({"step":1,"attempt":0,"reward":1})");
    all.finish();
  }
  ASSERT_EQ(said_.size(), 1U);
  EXPECT_NE(said_[0].find("log.tensorboard was given up"), std::string::npos) << said_[0];
}

TEST_F(TensorBoardFeed, AJobThatDoesNotAskHasNone) {
  plan_.job.log.tensorboard = false;
  ScalarFeed none = feed();
  write(paths_.steps(), R"({"step":1,"attempt":0,"reward":1})");
  none.finish();
  EXPECT_EQ(written(), "");
}

}  // namespace
}  // namespace muster::supervise
