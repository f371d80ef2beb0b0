// The live view: a block redrawn in place on a terminal, lines elsewhere; both fed by the same records.
#include <sys/stat.h>

#include <algorithm>

#include "launcher/page/figure_text.h"
#include "launcher/progress/answers.h"
#include "launcher/progress/block.h"
#include "launcher/progress/progress.h"
#include "launcher/records/lessons.h"
#include "launcher/records/run_records.h"
#include "launcher/records/step_statistics.h"
#include "runtime/base/clock.h"
#include "runtime/base/text.h"
#include "runtime/spec/start_events.h"

namespace muster::progress {

using page::harmless;
using page::Ink;
using page::Line;
using page::reward_text;
using page::step_seconds_text;
using page::Style;
using page::style_of;
using records::lesson_warnings;
using records::LessonWarnings;
using records::recent_step_s;
using records::RecordReader;
using records::remaining_s;
using records::RunRecords;
using records::StartLines;
using records::WarmupLines;
namespace {

using base::text;

/// Seconds from the last change of `path` to `until` (to now without it); none when the file is not there.
std::optional<double> age_s(const std::filesystem::path& path, const std::filesystem::path& until = {}) {
  const auto changed = [](const std::filesystem::path& file) -> std::optional<double> {
    struct stat stat {};
    if (::stat(file.c_str(), &stat) != 0) return std::nullopt;
    return static_cast<double>(stat.st_mtim.tv_sec) + static_cast<double>(stat.st_mtim.tv_nsec) * 1e-9;
  };
  const std::optional<double> begin = changed(path);
  if (!begin) return std::nullopt;
  const double now = base::wall_clock_s();
  return std::max(0.0, (until.empty() ? now : changed(until).value_or(now)) - *begin);
}

}  // namespace

struct View::State {
  State(const spec::Plan& the_plan, const spec::RunPaths& the_paths, std::int64_t the_attempt, std::FILE* the_out,
        bool is_terminal)
      : plan(the_plan),
        paths(the_paths),
        attempt(the_attempt),
        out(the_out),
        terminal(is_terminal),
        reader(the_paths, the_attempt, false) {
    ended_before = std::filesystem::exists(paths.verdict(attempt));
    before_s =
        age_s(paths.placement(attempt), ended_before ? paths.verdict(attempt) : std::filesystem::path{}).value_or(0);
  }

  spec::Plan plan;
  spec::RunPaths paths;
  std::int64_t attempt;
  std::FILE* out;
  bool terminal;
  RecordReader reader;
  Style style;

  bool ended_before = false;  // the attempt was over when the view was opened
  double before_s = 0;        // of the attempt, before the view was opened
  base::Stopwatch open;
  double last_step_at_s = 0;  // on the watch `open`; below 0 when the step ended before the view was opened

  // What has been told already.
  bool told_head = false, told_met = false, told_load = false, told_warm_start = false, told_start_reward = false,
       told_answers = false, told_resumed = false;
  std::size_t told_checks = 0, told_warnings = 0;
  std::int64_t told_updates = 0, told_step = 0, told_validation = -1;  // after this step
  LessonWarnings told_lessons;

  std::vector<std::int64_t> drawn_columns;  // of the lines of the block that stands on the screen
  std::string drawn;

  void poll(bool over);
  std::vector<Line> news();
  void start_news(std::vector<Line>& lines);
  void step_news(std::vector<Line>& lines);
  void lesson_news(const LessonWarnings& warnings, std::vector<Line>& lines);
  void show(const std::vector<Line>& lines, bool over);
  std::string up_to_block() const;
  Moment moment(bool over) const;
};

Moment View::State::moment(bool over) const {
  const double open_s = ended_before ? 0 : open.elapsed_s();
  return {.elapsed_s = before_s + open_s,
          .since_last_s = std::max(0.0, open_s - last_step_at_s),
          .over = over || ended_before};
}

void View::State::poll(bool over) {
  const bool first = told_step == 0 && !told_head;
  const std::size_t steps_before = reader.records().steps.size();
  reader.read();
  if (reader.records().steps.size() != steps_before)
    last_step_at_s = first ? -age_s(paths.steps()).value_or(0) : open.elapsed_s();
  style = style_of(out, terminal);
  if (terminal)
    style.columns = std::max<std::int64_t>(1, style.columns - 1);  // the last column makes some terminals wrap
  show(news(), over);
}

/// Lines that stay: on a terminal only what the block does not show, elsewhere everything worth a line.
std::vector<Line> View::State::news() {
  std::vector<Line> lines;
  if (!told_head && !terminal) {
    const spec::GrpoJob& grpo = plan.job.grpo;
    lines.push_back(text(plan.job.name, ": ", grpo.steps, " steps of ", grpo.prompts_per_step, " prompts x ",
                         grpo.samples_per_prompt, " samples on ", ranks_text(plan)));
  }
  told_head = true;
  start_news(lines);
  step_news(lines);
  const auto& validations = reader.records().validations;
  if (!terminal && !validations.empty() && validations.rbegin()->first > told_validation) {
    told_validation = validations.rbegin()->first;
    lines.push_back("held out: " + held_out_text(reader.records()));
  }
  return lines;
}

void View::State::start_news(std::vector<Line>& lines) {
  const RunRecords& records = reader.records();
  const StartLines& start = records.start;
  const WarmupLines& warmup = records.warmup;
  const spec::WarmupJob& job = plan.job.warmup;
  if (!terminal && start.all_met && !told_met)
    lines.push_back(plan.ranks.size() == 1 ? "the rank has started"
                                           : text("all ", plan.ranks.size(), " ranks have met"));
  told_met = told_met || start.all_met;
  if (!terminal && start.load_s && !told_load)
    lines.push_back("model loaded in " + step_seconds_text(*start.load_s) + " s");
  told_load = told_load || start.load_s.has_value();
  for (; told_warnings < start.warnings.size(); ++told_warnings)
    lines.push_back({harmless(start.warnings[told_warnings], style), Ink::yellow});
  if (start.resumed_after && !told_resumed) lines.push_back(text(spec::kResumesAfter, *start.resumed_after));
  told_resumed = told_resumed || start.resumed_after.has_value();
  if (!terminal) {
    const std::int64_t tenth = std::max<std::int64_t>(1, job.sft_steps / 10);
    const bool tells =
        job.stop_at_reward > 0 ? warmup.checks.size() > told_checks : warmup.updates / tenth > told_updates / tenth;
    if (tells) lines.push_back("supervised start: " + warmup_text(job, warmup));
  }
  told_checks = warmup.checks.size();
  told_updates = warmup.updates;
  if (start.warm_start_done && !told_warm_start) {
    const std::string reward = warmup.checks.empty() ? ""
                                                     : text(", reward ", reward_text(warmup.checks.back()), " (",
                                                            reward_text(job.stop_at_reward), " asked for)");
    lines.push_back(text("supervised start done after ", warmup.updates, " updates", reward));
    told_warm_start = true;
  }
  if (warmup.start_reward && !told_start_reward) {
    lines.push_back(text("reward before step 1: ", base::number_text(*warmup.start_reward, 3), " over ",
                         warmup.start_prompts, " prompts"));
    told_start_reward = true;
  }
}

void View::State::step_news(std::vector<Line>& lines) {
  const RunRecords& records = reader.records();
  if (records.steps.empty()) return;
  if (!told_answers) {
    told_answers = true;
    const std::int64_t step = records.steps.begin()->first;
    if (const auto samples = records.samples.find(step); samples != records.samples.end()) {
      lines.push_back(
          {text("answers at step ", step, ", ", step == 1 ? "before the first update:" : "where this attempt begins:"),
           Ink::bold});
      for (Line& line : sample_lines(few_samples(samples->second, 3), style)) lines.push_back(std::move(line));
      if (terminal) lines.emplace_back();
    }
  }
  std::vector<const spec::StepRecord*> so_far;
  for (const auto& [number, step] : records.steps) {
    so_far.push_back(&step);
    if (number <= told_step) continue;
    told_step = number;
    if (!terminal)
      lines.push_back(plain_step_line(plan, step, remaining_s(recent_step_s(so_far), plan.job.grpo.steps - number, 0)));
    lesson_news(lesson_warnings(so_far), lines);
  }
}

/// Once when it begins; told again when it begins again.
void View::State::lesson_news(const LessonWarnings& warnings, std::vector<Line>& lines) {
  if (!warnings.idle.empty() && told_lessons.idle.empty()) lines.push_back({warnings.idle, Ink::yellow});
  if (!warnings.ungraded.empty() && told_lessons.ungraded.empty()) lines.push_back({warnings.ungraded, Ink::yellow});
  told_lessons = warnings;
}

/// The way from below the block to its first line. After the window was made narrower a line takes several rows.
std::string View::State::up_to_block() const {
  std::int64_t rows = 0;
  for (const std::int64_t columns : drawn_columns)
    rows += std::max<std::int64_t>(1, (columns + style.columns) / (style.columns + 1));
  return rows == 0 ? "" : text("\r\033[", rows, "A");
}

void View::State::show(const std::vector<Line>& lines, bool over) {
  std::string frame;
  if (!terminal) {
    Style unlimited = style;
    unlimited.columns = 100'000;
    for (const Line& line : lines) frame += line.rendered(unlimited) + "\n";
  } else {
    std::vector<Line> block = block_lines(plan, reader.records(), moment(over), style);
    if (std::ssize(block) >= style.rows)
      block.resize(static_cast<std::size_t>(std::max<std::int64_t>(1, style.rows - 1)));
    std::string text_of_block;
    std::vector<std::int64_t> columns;
    for (const Line& line : block) {
      text_of_block += line.rendered(style) + "\033[K\n";
      columns.push_back(std::min(style.columns, line.columns()));
    }
    if (lines.empty() && text_of_block == drawn) return;
    frame = up_to_block();
    for (const Line& line : lines) frame += line.rendered(style) + "\033[K\n";
    frame += text_of_block + "\033[J";
    drawn = std::move(text_of_block);
    drawn_columns = std::move(columns);
  }
  std::fwrite(frame.data(), 1, frame.size(), out);
  std::fflush(out);
}

View::View(const spec::Plan& plan, const spec::RunPaths& paths, std::int64_t attempt, std::FILE* out, bool terminal)
    : state_(std::make_unique<State>(plan, paths, attempt, out, terminal)) {}

View::~View() = default;

void View::poll() { state_->poll(false); }

void View::note(const std::string& sentence) {
  State& state = *state_;
  state.style = style_of(state.out, state.terminal);
  state.show({Line(harmless(sentence, state.style), Ink::yellow)}, false);
}

void View::finish() { state_->poll(true); }

}  // namespace muster::progress
