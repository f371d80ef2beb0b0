#include "launcher/watch/pages.h"

#include <algorithm>
#include <cmath>

#include "launcher/page/charts.h"
#include "launcher/page/figure_text.h"
#include "launcher/page/wrapped.h"
#include "launcher/progress/answers.h"
#include "launcher/progress/block.h"
#include "launcher/records/lessons.h"
#include "launcher/records/slowest.h"
#include "launcher/records/step_statistics.h"
#include "runtime/base/mean.h"
#include "runtime/base/text.h"

namespace muster::watch {

using base::text;
using page::Ink;
using page::Line;
using page::Style;
using records::FollowedRun;
using records::RunState;

namespace {

constexpr std::int64_t kPlotRows = 8;
constexpr std::int64_t kTwoPlotsColumns = 100;
constexpr std::size_t kAnswers = 3;
constexpr double kQuiet_s = 60;  // without a record: worth a word

/// A curve that can be drawn: its name and its value of a step.
struct Metric {
  const char* name;
  double (*value)(const spec::StepRecord& step);
};

double mean_of(const std::vector<double>& values) { return base::mean(values); }

const std::vector<Metric>& metrics() {
  static const std::vector<Metric> list{
      {"reward", [](const spec::StepRecord& s) { return s.reward; }},
      {"step s", [](const spec::StepRecord& s) { return s.step_to_step_s > 0 ? s.step_to_step_s : s.step_s; }},
      {"tokens/s per rank", [](const spec::StepRecord& s) { return s.tokens_per_s_per_gpu; }},
      {"answer tokens", [](const spec::StepRecord& s) { return s.mean_answer_tokens; }},
      {"cut off, share", [](const spec::StepRecord& s) { return s.truncated; }},
      {"gradient norm", [](const spec::StepRecord& s) { return mean_of(s.grad_norms); }},
      {"loss", [](const spec::StepRecord& s) { return mean_of(s.losses); }},
      {"entropy", [](const spec::StepRecord& s) { return s.entropy; }},
      {"KL", [](const spec::StepRecord& s) { return s.kl; }},
      {"|dlogp| generator against trainer", [](const spec::StepRecord& s) { return s.logprob_diff_mean; }}};
  return list;
}

std::vector<double> values_of(const FollowedRun& run, const Metric& metric) {
  std::vector<double> values;
  for (const auto& [number, step] : run.records().steps) values.push_back(metric.value(step));
  return values;
}

bool goes_on(const FollowedRun& run) { return run.state == RunState::starting || run.state == RunState::running; }

std::string name_of(const FollowedRun& run, const Style& style) {
  return page::harmless(run.paths.folder.filename().string(), style);
}

/// Cut in the middle: names of runs differ at their ends.
std::string cut_name(const std::string& name, std::int64_t columns, const Style& style) {
  if (page::columns_of(name) <= columns) return name;
  const auto tail = static_cast<std::size_t>(columns / 2);
  if (name.size() != static_cast<std::size_t>(page::columns_of(name)))
    return page::shortened(name, columns, style);  // more than ASCII: not cut by bytes
  const std::string ellipsis = style.sign("…", "~");
  return name.substr(0, static_cast<std::size_t>(columns) - tail - 1) + ellipsis + name.substr(name.size() - tail);
}

Line list_line(const FollowedRun& run, std::int64_t name_columns, std::int64_t curve_columns, const Style& style) {
  const auto& steps = run.records().steps;
  const double step_s = records::recent_step_s(run.records().step_list());
  Line line(page::padded(cut_name(name_of(run, style), name_columns, style), name_columns + 1));
  line.add(page::padded(state_name(run.state), 9), state_ink(run.state));
  line.add(page::padded_left(run.epoch ? text(run.epoch->attempt) : "-", 3));
  line.add(page::padded_left(text(run.steps_done(), "/", run.plan.job.grpo.steps), 11));
  line.add(page::padded_left(steps.empty() ? "-" : page::reward_text(steps.rbegin()->second.reward), 7), Ink::bold);
  if (curve_columns > 0)
    line.add(
        " " + page::padded(page::sparkline(values_of(run, metrics()[0]), {.columns = curve_columns, .top = 1}, style),
                           curve_columns),
        Ink::green);
  line.add(page::padded_left(steps.empty() ? "-" : page::step_seconds_text(step_s), 9));
  return line.add("  " + (goes_on(run) && !steps.empty() ? page::clock_text(run.remaining_s()) : "-"));
}

std::string state_line(const FollowedRun& run) {
  std::string line = text(state_name(run.state), "; attempt ", attempt_text(run));
  if (run.submission) line += "; Slurm job " + run.submission->job_id;
  if (goes_on(run) && run.quiet_s > kQuiet_s) line += "; nothing was written for " + base::seconds_text(run.quiet_s);
  return line;
}

Line label(const char* word) { return {page::padded(word, progress::kLabelColumns), Ink::dim}; }

void add_slowest(const FollowedRun& run, const Style& style, std::vector<Line>& lines) {
  if (run.plan.ranks.size() < 2) return;
  std::vector<Line> parts;
  for (const records::Slowest& one : records::slowest_of(run.plan, run.records().step_list(), run.hosts)) {
    const Line part(slowest_text(one));
    parts.push_back(parts.empty() ? label("slowest").add(part) : part);
  }
  if (!parts.empty()) lines.push_back(page::fitted(parts, style.columns));
}

/// Whole, on as many lines as it takes: what matters may stand at its end. Behind a label from the second line on. A
/// terminal too narrow for pages shows what fits on one line.
void add_whole(const std::string& words, Ink ink, const char* word, const Style& style, std::vector<Line>& lines) {
  constexpr std::int64_t kNarrowest = 40;
  const std::string shown = page::harmless(words, style);
  const std::int64_t indent = *word == '\0' ? 0 : progress::kLabelColumns;
  const auto width = style.columns < kNarrowest ? shown.size() : static_cast<std::size_t>(style.columns - indent);
  bool is_first = true;
  for (const std::string& part : base::split(page::wrapped(shown, 0, width), '\n')) {
    if (part.empty()) continue;
    lines.push_back((indent == 0 ? Line() : label(is_first ? word : "")).add(part, ink));
    is_first = false;
  }
}

/// The reward, and of the others those that are not 0 in every step.
std::vector<Metric> metrics_of(const FollowedRun& run) {
  std::vector<Metric> list{metrics()[0]};
  for (std::size_t i = 1; i < metrics().size(); ++i) {
    const std::vector<double> values = values_of(run, metrics()[i]);
    if (!std::all_of(values.begin(), values.end(), [](double value) { return value == 0; }))
      list.push_back(metrics()[i]);
  }
  return list;
}

/// One row of plots side by side.
std::vector<Line> plots_beside(const FollowedRun& run, const std::vector<Metric>& shown, std::size_t first,
                               std::int64_t across, const Style& style) {
  const auto& steps = run.records().steps;
  const std::int64_t columns = style.columns / across - (across > 1 ? 1 : 0);
  std::vector<Line> rows(kPlotRows);
  for (std::int64_t i = 0; i < across; ++i) {
    const Metric& metric = shown[(first + static_cast<std::size_t>(i)) % shown.size()];
    const std::vector<Line> one = page::plot(values_of(run, metric),
                                             {.title = metric.name,
                                              .columns = columns,
                                              .rows = kPlotRows,
                                              .first = steps.begin()->first,
                                              .last = steps.rbegin()->first},
                                             style);
    for (std::size_t row = 0; row < one.size(); ++row) {
      const std::int64_t gap = i * (columns + 2) - rows[row].columns();
      rows[row].add(std::string(static_cast<std::size_t>(std::max<std::int64_t>(0, gap)), ' ')).add(one[row]);
    }
  }
  return rows;
}

}  // namespace

std::vector<Line> list_page(const std::vector<const FollowedRun*>& runs, std::size_t chosen, const Style& style) {
  std::int64_t name_columns = 4;
  for (const FollowedRun* run : runs) name_columns = std::max(name_columns, page::columns_of(name_of(*run, style)));
  constexpr std::int64_t kOthers = 2 + 1 + 9 + 3 + 11 + 7 + 9 + 2 + 12;
  name_columns = std::clamp<std::int64_t>(style.columns - kOthers, 8, name_columns);
  const std::int64_t left = style.columns - kOthers - name_columns - 1;
  const std::int64_t curve_columns = left < 8 ? 0 : std::min<std::int64_t>(left, 40);
  std::vector<Line> lines{
      {text("  ", page::padded("run", name_columns + 1), "state    try       step reward ",
            std::string(static_cast<std::size_t>(curve_columns > 0 ? curve_columns + 1 : 0), ' '), "  step s  to go"),
       Ink::dim}};
  const auto room = static_cast<std::size_t>(std::max<std::int64_t>(1, style.rows - 2));
  const std::size_t first = chosen < runs.size() && chosen >= room ? chosen - room + 1 : 0;
  for (std::size_t i = first; i < std::min(runs.size(), first + room); ++i)
    lines.push_back(Line(i == chosen ? style.sign("▸ ", "> ") : "  ", Ink::cyan)
                        .add(list_line(*runs[i], name_columns, curve_columns, style)));
  return lines;
}

std::vector<Line> run_page(const FollowedRun& run, const std::vector<records::SampleLine>& samples,
                           std::size_t first_plot, const Style& style) {
  const progress::Moment moment{
      .elapsed_s = run.elapsed_s, .since_last_s = run.since_step_s, .over = run.epoch && !goes_on(run)};
  std::vector<Line> lines;
  if (run.epoch) {
    lines = progress::block_lines(run.plan, run.records(), moment, style);
  } else {
    lines.emplace_back(page::harmless(run.plan.job.name, style), Ink::bold);
  }
  add_whole(state_line(run), state_ink(run.state), "state", style, lines);
  add_slowest(run, style, lines);
  const records::LessonWarnings lessons = records::lesson_warnings(run.records().step_list());
  for (const std::string& warning : {lessons.idle, lessons.ungraded})
    if (!warning.empty()) add_whole(warning, Ink::yellow, "", style, lines);
  for (const std::string& problem : run.records().problems) add_whole(problem, Ink::yellow, "", style, lines);
  if (run.records().steps.empty()) return lines;

  std::vector<Line> answers;
  const std::vector<records::SampleLine> few = progress::few_samples(samples, kAnswers);
  if (!few.empty()) {
    answers.push_back({text("answers at step ", few.front().step), Ink::dim});
    for (Line& line : progress::sample_lines(few, style)) answers.push_back(std::move(line));
  }
  // One row of plots at least, then the answers, then more plots.
  const std::int64_t across = style.columns >= kTwoPlotsColumns ? 2 : 1;
  const auto room = [&](std::size_t more) {
    return style.rows - 1 - std::ssize(lines) - static_cast<std::int64_t>(more);
  };
  const std::int64_t down = room(answers.size()) >= kPlotRows ? room(answers.size()) / kPlotRows : room(0) / kPlotRows;
  const std::vector<Metric> shown = metrics_of(run);
  for (std::int64_t row = 0; row < std::min<std::int64_t>(down, (std::ssize(shown) + across - 1) / across); ++row) {
    for (Line& line : plots_beside(run, shown, first_plot + static_cast<std::size_t>(row * across), across, style))
      lines.push_back(std::move(line));
  }
  if (room(answers.size()) >= 0) lines.insert(lines.end(), answers.begin(), answers.end());
  return lines;
}

}  // namespace muster::watch
