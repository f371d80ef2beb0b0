#include "launcher/selftest/selftest.h"

#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "launcher/cli/shared_flags.h"
#include "launcher/selftest/verdict.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_lines.h"
#include "runtime/base/json_text.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/spec/plan.h"

namespace muster::selftest {
namespace {

using nlohmann::ordered_json;

constexpr int kControlSteps = 100;
constexpr int kStartPrompts = 1024;

// One ordinary run, on its way or over.
struct TestRun {
  long seed = 0;
  std::optional<Control> control;
  std::filesystem::path folder;
  pid_t pid = 0;
  std::string title() const {
    return control ? std::string("control ") + control_name(*control) : base::text("seed ", seed);
  }
};

std::vector<std::string> command_of(const TestRun& run, const Options& options) {
  std::vector<std::string> command{(base::executable_folder() / "muster").string(), "run", options.job, "--run-dir",
                                   run.folder.string()};
  const auto set = [&](const std::string& assignment) {
    command.emplace_back("--set");
    command.push_back(assignment);
  };
  set(base::text("seed=", run.seed));
  set(base::text("selftest.start_prompts=", kStartPrompts));
  set("checkpoint.final_model=false");
  if (run.control) {
    set(std::string("selftest.sabotage=") + control_name(*run.control));
    set(base::text("grpo.steps=", kControlSteps));
    set("refit.alias=false");
  }
  for (const std::string& assignment : options.overrides) set(assignment);
  return command;
}

RunFigures figures_of(const TestRun& run) {
  const spec::RunPaths paths{run.folder};
  RunFigures figures;
  for (const ordered_json& line : base::read_json_lines(paths.warmup()))
    if (line.value("kind", "") == "start") figures.start = line.value("reward", 0.0);
  std::vector<double> rewards;
  for (const ordered_json& line : base::read_json_lines(paths.steps())) {
    rewards.push_back(line.value("reward", 0.0));
    figures.largest_logprob_diff = std::max(figures.largest_logprob_diff, line.value("logprob_diff_max", 0.0));
  }
  figures.steps = static_cast<int>(rewards.size());
  const std::size_t last = std::min<std::size_t>(25, rewards.size());
  for (std::size_t i = rewards.size() - last; i < rewards.size(); ++i)
    figures.last25 += rewards[i] / static_cast<double>(last);
  return figures;
}

// Runs all, a core each, and calls `done` as each ends well. throws: Error::rank when a run ends otherwise.
template <class Done>
void run_all(std::vector<TestRun> waiting, const Options& options, const Done& done) {
  const std::size_t at_once = std::max(1U, std::min(2U, std::thread::hardware_concurrency()));
  std::vector<TestRun> running;
  std::reverse(waiting.begin(), waiting.end());
  while (!waiting.empty() || !running.empty()) {
    while (!waiting.empty() && running.size() < at_once) {
      TestRun run = waiting.back();
      waiting.pop_back();
      base::make_folder(run.folder.parent_path());
      run.pid = base::start_child({.command = command_of(run, options), .output = run.folder.string() + ".log"});
      running.push_back(run);
    }
    for (std::size_t i = 0; i < running.size(); ++i) {
      const std::optional<base::ChildEnd> end = base::wait_child(running[i].pid, false);
      if (!end) continue;
      const TestRun run = running[i];
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      if (end->code != 0 || end->signal != 0) {
        for (const TestRun& other : running) base::signal_child(other.pid, SIGTERM);
        for (const TestRun& other : running) base::wait_child(other.pid, true);
        throw Error::rank(
            {.what = base::text("the run of ", run.title(), " ended with ", end->signal != 0 ? "signal " : "code ",
                                end->signal != 0 ? end->signal : end->code),
             .where = run.folder.string() + ".log",
             .fix = base::text("read that log; `muster run ", options.job, "` runs the same job by itself")});
      }
      done(run);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

ordered_json json_of(const std::vector<SeedResult>& seeds, const std::vector<ControlResult>& controls, bool passed,
                     double seconds) {
  ordered_json line{{"passed", passed},
                    {"seconds", seconds},
                    {"median_last25", median_last25(seeds)},
                    {"seeds", ordered_json::array()},
                    {"controls", ordered_json::array()}};
  for (const SeedResult& s : seeds)
    line["seeds"].push_back({{"seed", s.seed},
                             {"passed", s.passed},
                             {"start", s.figures.start},
                             {"last25", s.figures.last25},
                             {"steps", s.figures.steps},
                             {"logprob_diff_max", s.figures.largest_logprob_diff}});
  for (const ControlResult& c : controls)
    line["controls"].push_back({{"control", control_name(c.control)},
                                {"failed_as_it_should", c.failed_as_it_should},
                                {"start", c.figures.start},
                                {"last25", c.figures.last25},
                                {"logprob_diff_max", c.figures.largest_logprob_diff},
                                {"expectation", c.expectation}});
  return line;
}

/// The flags that become Options.
struct SelftestFlags {
  std::vector<std::string> words;  // JOB
  std::optional<std::int64_t> seed, seeds;
  bool controls = false, json = false;
  std::vector<std::string> control_names, overrides;
  std::filesystem::path run_dir;
};

Options options_of(const SelftestFlags& typed) {
  if (typed.seed && typed.seeds)
    throw Error::user({.what = "--seed and --seeds do not go together",
                       .fix = "--seed S runs one seed, --seeds N the seeds 0 .. N-1"});
  Options options{
      .controls = typed.control_names, .json = typed.json, .run_folder = typed.run_dir, .overrides = typed.overrides};
  if (!typed.words.empty()) options.job = typed.words.front();
  if (typed.seed) options.seeds = {static_cast<long>(*typed.seed)};
  if (typed.seeds) {
    options.seeds.clear();
    for (long seed = 0; seed < *typed.seeds; ++seed) options.seeds.push_back(seed);
    if (options.seeds.empty()) throw Error::user({.what = "--seeds 0 runs nothing", .fix = "give 1 or more"});
  }
  if (typed.controls) {
    options.controls.clear();
    for (const Control control : kControls) options.controls.emplace_back(control_name(control));
  }
  return options;
}

}  // namespace

cli::Verb selftest_verb() {
  return cli::make_verb<SelftestFlags>(
      {.name = "selftest",
       .usage = "[JOB] [--seed S | --seeds N] [--controls | --control NAME...] [--json]",
       .summary = "the proof that the loop learns: a tiny job (reverse-digits), and sabotaged runs that must not",
       .example = "muster selftest --seeds 5 --controls",
       .max_words = 1},
      [](cli::Flags& flags, SelftestFlags& typed) {
        flags.add("seed", "S", "one seed", typed.seed);
        flags.add("seeds", "N", "the seeds 0 .. N-1", typed.seeds);
        flags.add("controls", "also the sabotaged runs, which must fail", typed.controls);
        flags.add("control", "NAME", "also this sabotaged run, as often as you like", typed.control_names);
        cli::add_set_flag(flags, typed.overrides);
        cli::add_run_dir_flag(flags, typed.run_dir);
        cli::add_json_flag(flags, typed.json);
      },
      [](const SelftestFlags& typed) { return run_selftest(options_of(typed)); });
}

int run_selftest(const Options& options) {
  const std::filesystem::path folder = options.run_folder.empty()
                                           ? std::filesystem::path("runs") / ("selftest-" + base::wall_clock_stamp())
                                           : options.run_folder;
  std::vector<TestRun> runs;
  for (const long seed : options.seeds) runs.push_back({.seed = seed, .folder = folder / base::text("seed-", seed)});
  for (const std::string& name : options.controls) {
    const auto found =
        std::find_if(std::begin(kControls), std::end(kControls), [&](Control c) { return name == control_name(c); });
    if (found == std::end(kControls))
      throw Error::user({.what = "unknown control '" + name + "'",
                         .fix = "controls are zero_advantage, shuffled_advantage, negated_advantage, no_refit"});
    runs.push_back({.seed = options.seeds.front(), .control = *found, .folder = folder / ("control-" + name)});
  }

  base::Stopwatch clock;
  std::vector<SeedResult> seeds;
  std::vector<ControlResult> controls;
  std::printf("%-28s %8s %8s %10s  %s\n", "run", "start", "last 25", "max diff", "verdict");
  run_all(runs, options, [&](const TestRun& run) {
    const RunFigures figures = figures_of(run);
    bool good = false;
    std::string expectation = "at least 0.850";
    if (run.control) {
      controls.push_back(judge_control(*run.control, figures));
      good = controls.back().failed_as_it_should;
      expectation = controls.back().expectation;
    } else {
      seeds.push_back(judge_seed(run.seed, figures));
      good = seeds.back().passed;
    }
    std::printf("%-28s %8.3f %8.3f %10.2g  %s%s\n", run.title().c_str(), figures.start, figures.last25,
                figures.largest_logprob_diff,
                run.control ? (good ? "fails as it should" : "DID NOT FAIL: ") : (good ? "learned" : "DID NOT LEARN: "),
                good ? "" : expectation.c_str());
    std::fflush(stdout);
  });
  const bool passed = judge_all(seeds, controls);
  if (seeds.size() >= 5)
    std::printf("median of the last 25 steps over %zu seeds: %.3f (at least 0.920)\n", seeds.size(),
                median_last25(seeds));
  std::printf("%s in %s; records in %s\n", passed ? "passed" : "NOT PASSED",
              base::seconds_text(clock.elapsed_s()).c_str(), folder.c_str());
  if (options.json) std::printf("%s\n", base::json_text(json_of(seeds, controls, passed, clock.elapsed_s())).c_str());
  std::fflush(stdout);
  return passed ? 0 : 4;
}

}  // namespace muster::selftest
