#include "launcher/records/run_records.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <tuple>

#include "tests/launcher/records/run_fixture.h"
#include "tests/support/temporary_folder.h"

namespace muster::records {
namespace {
namespace fs = std::filesystem;

class RecordsOfARun : public testing::Test {
 protected:
  void append(const std::string& name, const std::string& text) {
    fs::create_directories((folder_.path() / name).parent_path());
    std::ofstream(folder_.path() / name, std::ios::app) << text;
  }
  /// By a process of its own, whose memory is measured. 0: `is_right`, and no more than 32 MiB were needed; 1: it is
  /// not; 2: more memory.
  int result_of_small_reader(const std::function<bool(const RunRecords&)>& is_right) const {
    const pid_t child = ::fork();
    if (child == 0) {
      rusage before{}, after{};
      ::getrusage(RUSAGE_SELF, &before);
      RecordReader reader(paths_, 0, false);
      reader.read();
      ::getrusage(RUSAGE_SELF, &after);
      ::_exit(!is_right(reader.records()) ? 1 : after.ru_maxrss - before.ru_maxrss > 32 << 10 ? 2 : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  }
  tests::TemporaryFolder folder_;
  spec::RunPaths paths_{folder_.path()};
};

TEST_F(RecordsOfARun, AreFollowedWhileTheyGrow) {
  RecordReader reader(paths_, 0, false);
  EXPECT_FALSE(reader.read());
  const std::string line = spec::to_json(tests::sums_step(1)).dump() + "\n";
  append("steps.jsonl", line.substr(0, 40));
  EXPECT_FALSE(reader.read());
  append("steps.jsonl", line.substr(40));
  EXPECT_TRUE(reader.read());
  EXPECT_EQ(reader.records().steps.size(), 1u);
  EXPECT_FALSE(reader.read());
}

TEST_F(RecordsOfARun, OfARepeatedStepTheHighestAttemptCounts) {
  for (const std::int64_t attempt : {0, 1})
    for (std::int64_t step = 1; step <= 3 - attempt; ++step) {
      append("steps.jsonl", spec::to_json(tests::sums_step(step, attempt)).dump() + "\n");
      append("samples.jsonl", tests::sums_sample(step, 1, 1, 1, "2", 1, attempt).dump() + "\n");
    }
  RecordReader all(paths_, 1, true), own(paths_, 1, false), first(paths_, 0, true);
  all.read();
  own.read();
  first.read();
  EXPECT_EQ(all.records().steps.size(), 2u) << "step 3 will be repeated";
  EXPECT_EQ(all.records().steps.at(2).attempt, 1);
  EXPECT_EQ(all.records().samples.at(2).size(), 1u);
  EXPECT_EQ(all.records().samples.at(2).front().attempt, 1);
  EXPECT_EQ(own.records().steps.size(), 2u);
  EXPECT_EQ(first.records().steps.at(2).attempt, 0);
}

TEST_F(RecordsOfARun, HeldOutRowsAreThoseOfTheAttemptThatCounts) {
  for (const auto& [attempt, step, right] : {std::tuple{0, 0, 0.25}, {0, 2, 0.5}, {0, 4, 0.625}, {1, 2, 0.75}}) {
    const spec::ValidationRecord record{.step = step, .attempt = attempt, .pass_1 = right};
    append("validation.jsonl", spec::to_json(record).dump() + "\n");
  }
  RecordReader reader(paths_, 1, true);
  EXPECT_TRUE(reader.read());
  const auto& looks = reader.records().validations;
  ASSERT_EQ(looks.size(), 2u) << "step 4 will be evaluated again";
  EXPECT_EQ(looks.at(0).pass_1, 0.25);
  EXPECT_EQ(looks.at(2).pass_1, 0.75);
  EXPECT_FALSE(reader.read());
}

TEST_F(RecordsOfARun, BrokenLinesAreToldAndTheRestIsKept) {
  append("steps.jsonl", "nonsense\n" + spec::to_json(tests::sums_step(1)).dump() + "\n[1]\n{\"reward\":1}\n");
  append("samples.jsonl", "{\"step\":\"one\",\"text\":7}\n\xFF\n");
  RecordReader reader(paths_, 0, false);
  reader.read();
  EXPECT_EQ(reader.records().steps.size(), 1u);
  EXPECT_EQ(reader.records().problems, (std::vector<std::string>{"steps.jsonl: 3 lines are broken and left out",
                                                                 "samples.jsonl: 1 line is broken and left out"}));
}

TEST_F(RecordsOfARun, ANumberThatWasNoneIsNoNumber) {
  append("steps.jsonl", "{\"step\":1,\"attempt\":0,\"reward\":null,\"losses\":[null,2]}\n");
  RecordReader reader(paths_, 0, false);
  reader.read();
  const spec::StepRecord& step = reader.records().steps.at(1);
  EXPECT_TRUE(std::isnan(step.reward));
  EXPECT_TRUE(std::isnan(step.losses.at(0)));
  EXPECT_EQ(step.losses.at(1), 2);
}

TEST_F(RecordsOfARun, TheSupervisedStartIsTheLastAttempts) {
  append("warmup.jsonl", R"({"attempt":0,"kind":"sft","step":9,"loss":1.5})"
                         "\n"
                         R"({"attempt":0,"kind":"check","step":8,"reward":0.3})"
                         "\n"
                         R"({"attempt":1,"kind":"sft","step":4,"loss":2.5})"
                         "\n"
                         R"({"attempt":1,"kind":"check","step":4,"reward":0.1})"
                         "\n"
                         R"({"attempt":1,"kind":"start","reward":0.24,"prompts":1024})"
                         "\n");
  RecordReader reader(paths_, 1, true);
  reader.read();
  const WarmupLines& warmup = reader.records().warmup;
  EXPECT_EQ(warmup.updates, 4);
  EXPECT_EQ(warmup.loss, 2.5);
  EXPECT_EQ(warmup.checks, std::vector<double>{0.1});
  EXPECT_EQ(warmup.start_reward, 0.24);
  EXPECT_EQ(warmup.start_prompts, 1024);
}

TEST_F(RecordsOfARun, TheAttemptsFolderTellsHowTheStartGoes) {
  RecordReader reader(paths_, 0, false);
  append("attempt_0/rank_0.log", "");
  append("attempt_0/rank_1.log", "");
  append("attempt_0/node_0.log", "");
  reader.read();
  EXPECT_EQ(reader.records().start.ranks_started, 2);
  EXPECT_FALSE(reader.records().start.all_met);
  append("attempt_0/rank_0.log",
         "2026-11-23T20:31:07.123Z info rank 0 rank: all ranks have met ranks=2\n"
         "2026-11-23T20:31:08.123Z warning rank 0 loop: slow disk\n"
         "2026-11-23T20:31:09.123Z info rank 0 loop: ready load_s=1.93\nhalf a line of loop: warm start do");
  reader.read();
  const StartLines& start = reader.records().start;
  EXPECT_TRUE(start.all_met);
  EXPECT_EQ(start.load_s, 1.93);
  EXPECT_FALSE(start.warm_start_done);
  ASSERT_EQ(start.warnings.size(), 1u);
  append("attempt_0/rank_0.log", "ne weight_version=1\n");
  reader.read();
  EXPECT_TRUE(reader.records().start.warm_start_done);
}

// Whoever read it all would need minutes, too.
TEST_F(RecordsOfARun, ALogOf64GigabytesNeedsLittleMemory) {
  const fs::path log = paths_.rank_log(0, 0);
  append(fs::relative(log, folder_.path()), "t info rank 0 rank: all ranks have met\n");
  fs::resize_file(log, std::uintmax_t{64} << 30);
  append(fs::relative(log, folder_.path()), "\nt warning rank 0 loop: the disk is slow\n");
  EXPECT_EQ(result_of_small_reader([](const RunRecords& records) {
              const StartLines& start = records.start;
              return start.all_met &&
                     start.warnings == std::vector<std::string>{"t warning rank 0 loop: the disk is slow"};
            }),
            0)
      << "1: wrong lines, 2: more than 32 MiB";
}

// 64 MB of lines of which little is kept.
TEST_F(RecordsOfARun, ALongRunIsReadLineByLine) {
  for (std::int64_t step = 1; step <= 64; ++step) {
    nlohmann::ordered_json line = spec::to_json(tests::sums_step(step));
    line["of_a_newer_version"] = std::string(1 << 20, 'x');
    append("steps.jsonl", line.dump() + "\n");
  }
  EXPECT_EQ(result_of_small_reader([](const RunRecords& records) { return records.steps.size() == 64; }), 0)
      << "1: wrong lines, 2: more than 32 MiB";
}

}  // namespace
}  // namespace muster::records
