#include "launcher/watch/pages.h"

#include <gtest/gtest.h>

#include <fstream>
#include <list>

#include "launcher/run/run_folder.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/epoch.h"
#include "tests/launcher/records/run_fixture.h"
#include "tests/support/temporary_folder.h"

namespace muster::watch {
namespace {

namespace fs = std::filesystem;
using page::Line;
using page::Style;
using records::FollowedRun;

constexpr Style kWide{.columns = 119, .rows = 50, .utf8 = true, .color = false};

class Pages : public testing::Test {
 protected:
  const FollowedRun& add_run(const std::string& name, std::int64_t steps, int verdict_code = -1) {
    const fs::path folder = folder_.path() / name;
    run::write_run_folder(run::prepare({.verb = "run", .words = {"reverse-digits"}, .run_dir = folder}));
    const spec::RunPaths paths{folder};
    if (steps >= 0) {
      tests::write_sums_run(folder, steps);
      base::write_file(
          paths.placement(0),
          spec::placement_text(
              {.attempt_id = "x", .port = 1234, .key_file = "/key", .nodes = {{.host = "n0", .address = "10.0.0.1"}}}));
      base::write_file(paths.epoch(), spec::epoch_text({.id = "x", .host = "n0", .boot_id = "b", .pid = 7}));
    }
    if (verdict_code >= 0) records::write_verdict(paths, {.code = verdict_code, .sentence = "so it ended"});
    runs_.emplace_back(folder).read();
    return runs_.back();
  }
  std::vector<const FollowedRun*> list() const {
    std::vector<const FollowedRun*> list;
    for (const FollowedRun& run : runs_) list.push_back(&run);
    return list;
  }
  static std::string text_of(const std::vector<Line>& lines, const Style& style) {
    std::string page;
    for (const Line& line : lines) page += line.rendered(style) + "\n";
    return page;
  }
  static void expect_has(const std::string& page, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) EXPECT_NE(page.find(part), std::string::npos) << part << " in\n" << page;
  }

  tests::TemporaryFolder folder_;
  std::list<FollowedRun> runs_;
};

TEST_F(Pages, TheListTellsStateStepRewardAndWhatIsLeft) {
  add_run("first", 12);
  add_run("failed", 3, 4);
  add_run("waits", -1);
  const std::string page = text_of(list_page(list(), 1, kWide), kWide);
  expect_has(page, {"  first", "running", "12/300", "0.81", "8.5  40 min", "▸ failed", "  waits", "waiting"});
  EXPECT_EQ(page.find("so it ended"), std::string::npos);
}

TEST_F(Pages, TheChosenRunStaysOnAPageThatIsTooShort) {
  for (int i = 0; i < 9; ++i) add_run("run-" + std::to_string(i), -1);
  const Style small{.columns = 79, .rows = 5};
  for (std::size_t chosen = 0; chosen < 9; ++chosen) {
    const std::vector<Line> lines = list_page(list(), chosen, small);
    EXPECT_EQ(lines.size(), 4U);
    expect_has(text_of(lines, small), {"> run-" + std::to_string(chosen)});
  }
}

TEST_F(Pages, OneRunWithPlotsSlowestHostsAndAnswers) {
  const FollowedRun& run = add_run("first", 12);
  const std::string page = text_of(run_page(run, records::newest_samples(run.paths), 0, kWide), kWide);
  expect_has(page, {"step 12/300", "reward", "state      running; attempt 0, supervised on n0", "step s  8.5",
                    "tokens/s per rank  1,250", "answers at step 12", "What is 3 + 5?"});
  EXPECT_EQ(page.find("entropy"), std::string::npos) << "0 in every step";
  EXPECT_NE(text_of(run_page(run, {}, 2, kWide), kWide), page) << "other plots come first";
}

TEST_F(Pages, ARunThatFailedSaysWhy) {
  expect_has(text_of(run_page(add_run("failed", 3, 4), {}, 0, kWide), kWide),
             {"failed; attempt 0, over: so it ended (code 4)", "took"});
  expect_has(text_of(run_page(add_run("waits", -1), {}, 0, kWide), kWide), {"waiting; attempt none has begun"});
}

TEST_F(Pages, StateAndWarningsStandWholeInANarrowTerminal) {
  add_run("sick", 0);
  const fs::path folder = runs_.back().paths.folder;
  std::string steps;
  for (std::int64_t number = 1; number <= 10; ++number) {
    spec::StepRecord step = tests::sums_step(number);
    step.timeouts = 40;
    step.advantage_max = step.advantage_min = 0;
    steps += spec::to_json(step).dump() + "\n";
  }
  base::write_file(spec::RunPaths{folder}.steps(), steps);
  records::write_verdict(
      spec::RunPaths{folder},
      {.code = 4, .sentence = "rank 1 on n0 was ended by signal 9 while it did phase train of step 11"});
  FollowedRun run(folder);
  run.read();
  for (const std::int64_t columns : {60, 79}) {
    const Style style{.columns = columns, .rows = 24, .utf8 = true, .color = false};
    std::string words;
    for (const Line& line : run_page(run, {}, 0, style)) {
      EXPECT_LE(page::columns_of(line.rendered(style)), columns);
      for (const std::string& word : base::split(line.rendered(style), ' ')) words += word.empty() ? "" : word + " ";
    }
    expect_has(words, {"had differing rewards (mean reward 0.69)",
                       "of 640 of the last 10 steps 400 timed out and 0 failed in grading",
                       "while it did phase train of step 11 (code 4)"});
  }
}

TEST_F(Pages, NoLineIsWiderOrPageLongerThanTheTerminal) {
  add_run("a-run-with-a-rather-long-name-that-needs-room", 12);
  add_run("just-begun", 0);
  for (const std::int64_t columns : {10, 40, 79, 100, 200})
    for (const std::int64_t rows : {6, 24, 60}) {
      const Style style{.columns = columns, .rows = rows, .utf8 = true};
      for (const FollowedRun& run : runs_) {
        const auto lines = run_page(run, records::newest_samples(run.paths), 0, style);
        EXPECT_LT(std::ssize(lines), std::max<std::int64_t>(rows, 11)) << columns << " x " << rows;
        for (const Line& line : lines) EXPECT_LE(page::columns_of(line.rendered(style)), columns);
      }
      for (const Line& line : list_page(list(), 0, style)) EXPECT_LE(page::columns_of(line.rendered(style)), columns);
    }
}

}  // namespace
}  // namespace muster::watch
