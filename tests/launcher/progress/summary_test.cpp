#include "launcher/progress/summary.h"

#include <gtest/gtest.h>

#include "launcher/progress/progress.h"
#include "runtime/base/text.h"
#include "tests/launcher/progress/golden.h"
#include "tests/launcher/records/run_fixture.h"
#include "tests/support/temporary_folder.h"

namespace muster::progress {

using page::columns_of;
using page::Style;
namespace {
namespace fs = std::filesystem;

/// The summary with a path that is the same in every test.
class Summary : public testing::Test {
 protected:
  std::string page(const Style& style = {.columns = 100, .utf8 = true}) {
    RunFacts facts = read_facts(plan_, {folder_.path()}, 0);
    facts.wall_s = 113;
    return summary_page(plan_, {"runs/sums"}, facts, style);
  }
  static void expect_has(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
  tests::TemporaryFolder folder_;
  spec::Plan plan_ = tests::sums_plan();
};

TEST_F(Summary, OfAWholeRun) {
  tests::write_sums_run(folder_.path());
  fs::create_directories(folder_.path() / "model");
  std::ofstream(folder_.path() / "model" / "config.json") << "{}";
  tests::expect_golden("summary_100.txt", page());
  tests::expect_golden("summary_79_ascii.txt", page(tests::kAscii));
}

TEST_F(Summary, StaysWithinItsColumns) {
  tests::write_sums_run(folder_.path());
  for (const std::int64_t columns : {79, 100})
    for (const std::string& line : base::split(page({.columns = columns, .utf8 = true}), '\n'))
      EXPECT_LE(columns_of(line), columns) << line;
}

TEST_F(Summary, OfOneStep) {
  plan_.job.grpo.steps = 1;
  plan_.job.checkpoint.final_model = false;
  tests::write_sums_run(folder_.path(), 1);
  tests::expect_golden("summary_one_step.txt", page());
}

TEST_F(Summary, SaysWhatIsMissingOrBroken) {
  expect_has(page(), "steps.jsonl is missing");
  tests::write_sums_run(folder_.path(), 3);
  std::ofstream(folder_.path() / "steps.jsonl", std::ios::app) << "nonsense\n";
  std::ofstream(folder_.path() / "attempt_0" / "rank_1.exit") << "nonsense";
  fs::remove(folder_.path() / "samples.jsonl");
  const std::string text = page();
  expect_has(text, "reward     0.12 -> 0.25   (first step -> last step)");
  expect_has(text, "steps.jsonl: 1 line is broken and left out\n");
  expect_has(text, "rank_1.exit: ");
  expect_has(text, "steps.jsonl: 3 of 12 steps\n");
  expect_has(text, "samples    none were kept");
  expect_has(text, "model      missing: runs/sums/model\n");
}

TEST_F(Summary, CountsWhatWasNotGraded) {
  fs::create_directories(folder_.path());
  spec::StepRecord step = tests::sums_step(1);
  step.timeouts = 3;
  step.failed = 1;
  step.refused_rows = 1;
  step.truncated = 0.25;
  std::ofstream(folder_.path() / "steps.jsonl") << spec::to_json(step).dump() << "\n";
  const std::string text = page();
  expect_has(text, "3 timeouts, 1 failures, of 64 samples: they did not count");
  expect_has(text, "1 row was passed over");
  expect_has(text, "25 % of those of the last steps were cut off");
  expect_has(text, "the ranks left no exit records");
}

TEST_F(Summary, NamesTheAttemptsOfItsSteps) {
  std::ofstream steps(folder_.path() / "steps.jsonl");
  for (const auto& [step, attempt] : std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 0}, {2, 0}, {2, 1}, {3, 1}})
    steps << spec::to_json(tests::sums_step(step, attempt)).dump() << "\n";
  steps.close();
  RunFacts facts = read_facts(plan_, {folder_.path()}, 1);
  expect_has(summary_page(plan_, {"runs/sums"}, facts, tests::kUtf8),
             "attempts   1 step of attempt 0, 2 steps of attempt 1; of a repeated step the highest attempt counts");
}

TEST_F(Summary, IsWhatACallerGets) {
  tests::write_sums_run(folder_.path());
  std::ofstream(folder_.path() / "attempt_0" / "placement.toml") << "";
  const std::string text = summary_text(plan_, {folder_.path()}, 0);
  expect_has(text, "sums: 12 steps on 2 ranks, colocated");
  expect_has(text, "reward     0.16 -> 0.75");
  expect_has(text, folder_.path().string());
}

TEST_F(Summary, ExitRecordsOfAnotherAttemptCountAsMissing) {
  tests::write_sums_run(folder_.path());
  const auto record = [&](std::int64_t rank) {
    return folder_.path() / "attempt_0" / base::text("rank_", rank, ".exit");
  };
  std::ofstream(record(1)) << spec::exit_record_json({.rank = 1, .attempt_id = "other", .peak_memory_bytes = 1});
  expect_has(page(), "exit records of 1 of 2 ranks");
  fs::remove(record(1));
  std::ofstream(record(1)) << spec::exit_record_json({.rank = 1, .attempt_id = "abc", .peak_memory_bytes = 1});
  EXPECT_EQ(page().find("exit records of"), std::string::npos);
}

TEST_F(Summary, SaysThatNoStepTaught) {
  fs::create_directories(folder_.path());
  spec::StepRecord step = tests::sums_step(1);
  step.advantage_max = step.advantage_min = 0;
  std::ofstream(folder_.path() / "steps.jsonl") << spec::to_json(step).dump() << "\n";
  expect_has(page(), "lessons    in 1 of 1 step no group had differing rewards: they taught nothing\n");
}

}  // namespace
}  // namespace muster::progress
