#include "launcher/supervise/record_feed.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/json_lines.h"
#include "runtime/base/text.h"
#include "tests/support/temporary_folder.h"

namespace muster::supervise {
namespace {

namespace fs = std::filesystem;
using base::text;
using nlohmann::ordered_json;

class Feed : public testing::Test {
 protected:
  Feed() { fs::create_directories(paths_.attempt(1)); }
  std::unique_ptr<RecordFeed> feed(const std::vector<std::string>& command) {
    plan_.job.name = "tiny";
    plan_.job.log.command = command;
    return std::make_unique<RecordFeed>(plan_, paths_, 1, [this](const std::string& line) { said_.push_back(line); });
  }
  /// A program that keeps what it gets.
  std::vector<std::string> keeper() const { return {"sh", "-c", "cat > '" + kept().string() + "'"}; }
  fs::path kept() const { return folder_.path() / "kept.jsonl"; }
  void write(const fs::path& file, const std::string& line) const { std::ofstream(file, std::ios::app) << line; }
  void step(std::int64_t step, std::int64_t attempt = 1, const std::string& more = "") const {
    write(paths_.steps(), text("{\"step\":", step, ",\"attempt\":", attempt, ",\"reward\":0.1250", more, "}\n"));
  }
  void poll_for(RecordFeed& feed, double seconds) const {
    for (const base::Stopwatch watch; watch.elapsed_s() < seconds;
         std::this_thread::sleep_for(std::chrono::milliseconds(5)))
      feed.poll();
  }
  std::vector<std::string> kinds() const {
    std::vector<std::string> kinds;
    for (const ordered_json& line : base::read_json_lines(kept())) kinds.push_back(line["record"]);
    return kinds;
  }

  tests::TemporaryFolder folder_;
  spec::RunPaths paths_{folder_.path()};
  spec::Plan plan_;
  std::vector<std::string> said_;
  base::SignalQueue signals_{SIGINT, SIGTERM, SIGCHLD};
};

TEST_F(Feed, EveryRecordOfTheAttemptArrivesWithItsKind) {
  step(7, 0);
  write(paths_.steps(), "{\"step\":8,\"atte");  // the attempt before was killed here; its successor cuts this off
  auto all = feed(keeper());
  fs::resize_file(paths_.steps(), fs::file_size(paths_.steps()) - 15);
  step(1);
  write(paths_.warmup(), "{\"attempt\":1,\"kind\":\"sft\"}\n");
  write(paths_.samples(), "{\"step\":1,\"attempt\":1,\"text\":\"a \\\"b\\\" é\"}\n");
  poll_for(*all, 0.1);
  step(2, 0);  // the first attempt, still alive somewhere
  step(2);
  write(paths_.validation(), "{\"step\":2,\"attempt\":1}\n");
  all->finish({.attempt = 1, .sentence = "well"}, signals_);
  EXPECT_EQ(kinds(), (std::vector<std::string>{"run", "step", "sample", "warmup", "step", "validation", "verdict"}));
  const std::vector<ordered_json> lines = base::read_json_lines(kept());
  EXPECT_EQ(lines[0]["attempt"], 1);
  EXPECT_EQ(lines[0]["run_folder"], folder_.path().string());
  EXPECT_EQ(lines[1].dump(), R"({"record":"step","step":1,"attempt":1,"reward":0.125})");
  EXPECT_EQ(lines[2]["text"], "a \"b\" é");
  EXPECT_EQ(lines.back()["sentence"], "well");
  EXPECT_TRUE(said_.empty()) << said_[0];
}

TEST_F(Feed, AJobWithoutAProgramHasNone) {
  auto none = feed({});
  step(1);
  none->poll();
  none->finish({}, signals_);
  EXPECT_TRUE(said_.empty());
  EXPECT_FALSE(fs::exists(paths_.attempt(1) / "log_command.log"));
}

TEST_F(Feed, AProgramThatCannotBeStartedIsSaidOnce) {
  auto absent = feed({"/no/such/program"});
  step(1);
  poll_for(*absent, 0.05);
  absent->finish({}, signals_);
  ASSERT_EQ(said_.size(), 1U);
  EXPECT_NE(said_[0].find("cannot start"), std::string::npos) << said_[0];
}

TEST_F(Feed, AProgramThatDiesIsSaidOnceAndKillsNobody) {
  auto dying = feed({"sh", "-c", "read line; echo it hurts >&2; exit 3"});
  for (int i = 1; i < 2000; ++i) step(i, 1, ",\"more\":\"" + std::string(2000, 'x') + "\"");
  poll_for(*dying, 1.3);
  dying->finish({}, signals_);
  ASSERT_EQ(said_.size(), 1U);
  EXPECT_NE(said_[0].find("ended with code 3"), std::string::npos) << said_[0];
  std::ifstream log(paths_.attempt(1) / "log_command.log");
  std::string line;
  std::getline(log, line);
  EXPECT_EQ(line, "it hurts");
}

TEST_F(Feed, ASlowProgramStallsNobodyAndGetsEverythingInTheEnd) {
  auto slow = feed({"sh", "-c", "sleep 1; cat > '" + kept().string() + "'"});
  for (int i = 1; i <= 3000; ++i) step(i, 1, ",\"more\":\"" + std::string(2000, 'x') + "\"");  // 6 MB
  double longest_s = 0;
  for (int i = 0; i < 20; ++i) {
    const base::Stopwatch watch;
    slow->poll();
    longest_s = std::max(longest_s, watch.elapsed_s());
  }
  EXPECT_LT(longest_s, 0.5);
  slow->finish({.sentence = "well"}, signals_);
  EXPECT_EQ(kinds().size(), 3002U);
  EXPECT_TRUE(said_.empty()) << said_[0];
}

TEST_F(Feed, AProgramThatNeverEndsIsEnded) {
  auto deaf = feed({"sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"});
  const base::Stopwatch watch;
  deaf->finish({.code = 128 + 15, .sentence = "ended by a person"}, signals_);
  EXPECT_LT(watch.elapsed_s(), RecordFeed::kHurry_s + 2);
  ASSERT_EQ(said_.size(), 1U);
  EXPECT_NE(said_[0].find("had not ended"), std::string::npos) << said_[0];
}

TEST_F(Feed, WhatAProgramPrintsIsCutAtItsLimit) {
  plan_.job.log.max_mb = 1;
  {
    auto chatty = feed({"sh", "-c", "yes | head -c 5000000; cat > /dev/null"});
    poll_for(*chatty, 0.05);
    chatty->finish({.sentence = "well"}, signals_);
  }
  EXPECT_TRUE(said_.empty()) << said_[0];
  const std::string log = base::read_file(paths_.attempt(1) / "log_command.log");
  EXPECT_EQ(log.substr(1'000'000), "\nmuster: this log is cut here, at 1 MB (log.max_mb); the rest is dropped\n");
}

TEST_F(Feed, ALineLongerThanABlockArrivesWhole) {
  auto all = feed(keeper());
  step(1, 1, ",\"more\":\"" + std::string(3 << 20, 'x') + "\"");
  all->finish({}, signals_);
  ASSERT_EQ(kinds().size(), 3U);
  EXPECT_EQ(base::read_json_lines(kept())[1]["more"].get<std::string>().size(), 3U << 20);
}

}  // namespace
}  // namespace muster::supervise
