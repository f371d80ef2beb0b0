#include <gtest/gtest.h>

#include <cstdio>

#include "launcher/progress/progress.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "tests/launcher/records/run_fixture.h"
#include "tests/support/temporary_folder.h"

namespace muster::progress {
namespace {
namespace fs = std::filesystem;

/// A view that writes to a file, and a run that the test writes step by step.
class ViewOfARun : public testing::Test {
 protected:
  ViewOfARun() : out_(std::fopen((folder_.path() / "out").c_str(), "w")) { fs::create_directories(paths_.attempt(0)); }
  ~ViewOfARun() override { std::fclose(out_); }
  void append(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::app) << text; }
  void append_step(std::int64_t step, std::int64_t attempt = 0) {
    append(paths_.steps(), spec::to_json(tests::sums_step(step, attempt)).dump() + "\n");
  }
  /// What was written since the last call.
  std::string news() {
    const std::string all = base::read_file(folder_.path() / "out");
    const std::string fresh = all.substr(taken_);
    taken_ = all.size();
    return fresh;
  }
  tests::TemporaryFolder folder_;
  spec::RunPaths paths_{folder_.path()};
  spec::Plan plan_ = tests::sums_plan();
  std::FILE* out_;
  std::size_t taken_ = 0;
};

TEST_F(ViewOfARun, TellsEachThingOnceWhereThereIsNoTerminal) {
  View view(plan_, paths_, 0, out_, false);
  view.poll();
  EXPECT_EQ(news(), "sums: 12 steps of 8 prompts x 8 samples on 2 ranks, colocated\n");
  append(paths_.rank_log(0, 0),
         "2026-11-23T20:31:07.123Z info rank 0 rank: all ranks have met ranks=2\n2026-11-23T20:31:09.123Z info rank 0 "
         "loop: ready load_s=1.93\n");
  view.poll();
  EXPECT_EQ(news(), "all 2 ranks have met\nmodel loaded in 1.9 s\n");
  view.poll();
  EXPECT_EQ(news(), "");
  append(paths_.samples(), tests::sums_sample(1, 3, 3, 5, "9", 0).dump() + "\n");
  append_step(1);
  view.poll();
  const std::string first = news();
  EXPECT_NE(first.find("answers at step 1, before the first update:\n"), std::string::npos) << first;
  EXPECT_NE(first.find("What is 3 + 5?   9\n"), std::string::npos) << first;
  EXPECT_NE(first.find("step 1/12 reward 0.12 step 8.2 s generate 2.1 train 5.9 refit 0.1 ETA 1 min 34 s\n"),
            std::string::npos)
      << first;
  append_step(2);
  append_step(3);
  view.poll();
  EXPECT_EQ(base::split(news(), '\n').size(), 3u);
  append_step(4, 1);  // of another attempt
  view.finish();
  EXPECT_EQ(news(), "");
}

TEST_F(ViewOfARun, TellsTheSupervisedStart) {
  plan_.job.warmup = {.sft_steps = 200, .stop_at_reward = 0.25};
  View view(plan_, paths_, 0, out_, false);
  view.poll();
  news();
  append(paths_.warmup(), R"({"attempt":0,"kind":"sft","step":4,"loss":1.5})"
                          "\n"
                          R"({"attempt":0,"kind":"check","step":4,"reward":0.12})"
                          "\n");
  view.poll();
  EXPECT_EQ(news(), "supervised start: update 4, reward 0.12 of 0.25\n");
  append(paths_.rank_log(0, 0),
         "2026-11-23T20:31:09.123Z info rank 0 loop: warm start done weight_version=4\n2026-11-23T20:31:09.123Z "
         "warning rank 0 loop: odd\n");
  append(paths_.warmup(), R"({"attempt":0,"kind":"start","reward":0.24,"prompts":1024})"
                          "\n");
  view.poll();
  EXPECT_EQ(news(),
            "2026-11-23T20:31:09.123Z warning rank 0 loop: odd\nsupervised start done after 4 updates, reward 0.12 "
            "(0.25 asked for)\nreward before step 1: 0.240 over 1024 prompts\n");
}

TEST_F(ViewOfARun, RedrawsItsBlockInPlaceOnATerminal) {
  View view(plan_, paths_, 0, out_, true);
  view.poll();
  const std::string start = news();
  EXPECT_EQ(start.find("\033[2A"), std::string::npos);
  EXPECT_NE(start.find("starting 2 ranks"), std::string::npos) << start;
  append_step(1);
  view.poll();
  const std::string running = news();
  EXPECT_EQ(running.rfind("\r\033[2A", 0), 0u) << running;  // up by the two lines of the start
  EXPECT_NE(running.find("step 1/12"), std::string::npos) << running;
  view.note("stopping");
  EXPECT_EQ(news().rfind("\r\033[6A", 0), 0u);
  view.finish();
  const std::string end = news();
  EXPECT_NE(end.find("took"), std::string::npos) << end;
  EXPECT_EQ(end.substr(end.size() - 4), "\n\033[J");
}

TEST_F(ViewOfARun, ShowsNoControlCharactersOfAnAnswer) {
  append(paths_.samples(), tests::sums_sample(1, 3, 3, 5, "9\033[2J\007", 0).dump() + "\n");
  append_step(1);
  View view(plan_, paths_, 0, out_, false);
  view.poll();
  const std::string all = news();
  EXPECT_EQ(all.find('\033'), std::string::npos);
  EXPECT_NE(all.find("9 [2J"), std::string::npos) << all;
}

TEST_F(ViewOfARun, OfARunThatIsOverShowsHowLongItTook) {
  tests::write_sums_run(folder_.path());
  for (const fs::path& path : {paths_.placement(0), paths_.verdict(0)}) append(path, "");
  fs::last_write_time(paths_.placement(0), fs::file_time_type::clock::now() - std::chrono::seconds(1000));
  fs::last_write_time(paths_.verdict(0), fs::file_time_type::clock::now() - std::chrono::seconds(880));
  View view(plan_, paths_, 0, out_, true);
  view.poll();
  EXPECT_NE(news().find("took 2 min 0 s"), std::string::npos);
}

TEST_F(ViewOfARun, TellsWhereTheRanksGoOn) {
  View view(plan_, paths_, 0, out_, false);
  view.poll();
  news();
  append(paths_.rank_log(0, 0), "2026-11-23T20:31:07.123Z info rank 0 loop: resumes after step 8\n");
  view.poll();
  view.poll();
  EXPECT_EQ(news(), "resumes after step 8\n");
}

TEST_F(ViewOfARun, TellsOnceThatNothingIsLearned) {
  View view(plan_, paths_, 0, out_, false);
  for (std::int64_t step = 1; step <= 12; ++step) {
    spec::StepRecord record = tests::sums_step(step);
    record.advantage_max = record.advantage_min = 0;
    append(paths_.steps(), spec::to_json(record).dump() + "\n");
    view.poll();
  }
  const std::string told = news();
  const auto first = told.find("nothing is learned: in the last 10 steps");
  EXPECT_NE(first, std::string::npos) << told;
  EXPECT_EQ(told.find("nothing is learned", first + 1), std::string::npos) << told;
}

}  // namespace
}  // namespace muster::progress
