#include "launcher/progress/summary.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "launcher/page/charts.h"
#include "launcher/page/figure_text.h"
#include "launcher/progress/answers.h"
#include "launcher/progress/block.h"
#include "launcher/progress/progress.h"
#include "launcher/records/lessons.h"
#include "launcher/records/step_statistics.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/mean.h"
#include "runtime/base/text.h"
#include "runtime/spec/exit_cause.h"

namespace muster::progress {

using base::mean;
using page::clock_text;
using page::harmless;
using page::Line;
using page::padded;
using page::padded_left;
using page::phase_shares;
using page::PhaseShare;
using page::rate_text;
using page::reward_text;
using page::shortened;
using page::small_text;
using page::sparkline;
using page::Style;
using page::style_of;
using records::idle_steps;
using records::RecordReader;
using records::RunRecords;
using records::SampleLine;
using records::WarmupLines;
namespace {

using base::bytes_text;
using base::number_text;
using base::text;
using Steps = std::vector<const spec::StepRecord*>;

/// The page as it grows: rows under a word at the left that is written once.
class Page {
 public:
  void blank() { page_ += "\n"; }
  void title(const std::string& line) { page_ += line + "\n"; }
  void row(const std::string& word, const std::string& line) {
    page_ += padded(word, kLabelColumns) + line;
    page_.erase(page_.find_last_not_of(' ') + 1);
    page_ += "\n";
  }
  std::string take() { return std::move(page_); }

 private:
  std::string page_;
};

template <class Value>
std::vector<double> values_of(const Steps& steps, Value value) {
  std::vector<double> values;
  for (const spec::StepRecord* step : steps) values.push_back(value(*step));
  return values;
}

struct Ends {
  double first, last;
  std::string which;
};
/// Means of the first two and the last three values, of one each where there are fewer than five.
Ends ends_of(const std::vector<double>& values) {
  const std::span<const double> all(values);
  if (values.size() == 1) return {values[0], values[0], "one step"};
  if (values.size() < 5) return {values.front(), values.back(), "first step -> last step"};
  return {mean(all.first(2)), mean(all.last(3)), "mean of the first two steps -> of the last three"};
}

std::string shown_path(const std::filesystem::path& path) {
  std::error_code ignored;
  if (path.is_relative()) return path.string();
  const std::string near = path.lexically_proximate(std::filesystem::current_path(ignored)).string();
  return near.empty() || near.starts_with("..") ? path.string() : near;
}

void add_reward(Page& page, const Steps& steps, const RunRecords& records, const Style& style) {
  if (steps.back()->synthetic)
    page.row("synthetic", "answers of forced lengths, random rewards: its speed counts, its reward says nothing");
  const std::vector<double> rewards = values_of(steps, [](const auto& s) { return s.reward; });
  const auto best = std::max_element(rewards.begin(), rewards.end());
  const Ends ends = ends_of(rewards);
  const std::string best_text = text("best ", reward_text(*best), " at step ", steps[best - rewards.begin()]->step);
  if (rewards.size() == 1)
    page.row("reward", reward_text(ends.first) + "   (one step)");
  else
    page.row("reward", text(reward_text(ends.first), " -> ", reward_text(ends.last), "   (", ends.which, ")"));
  if (rewards.size() > 1)
    page.row("", sparkline(rewards,
                           {.columns = std::min<std::int64_t>(40, style.columns - kLabelColumns - 26),
                            .of = steps.size(),
                            .top = 1},
                           style) +
                     "   " + best_text);
  const WarmupLines& warmup = records.warmup;
  if (warmup.updates > 0)
    page.row("", text("after ", warmup.updates, " supervised updates",
                      warmup.checks.empty() ? ""
                                            : text(", reward ", reward_text(warmup.checks.front()), " -> ",
                                                   reward_text(warmup.checks.back()), " in their checks")));
  if (warmup.start_reward)
    page.row("", text("measured before step 1: ", number_text(*warmup.start_reward, 3), " over ", warmup.start_prompts,
                      " prompts"));
  std::int64_t samples = 0, timeouts = 0, failed = 0, refused = 0;
  for (const spec::StepRecord* step : steps) {
    samples += step->samples;
    timeouts += step->timeouts;
    failed += step->failed;
    refused += step->refused_rows;
  }
  if (timeouts + failed > 0)
    page.row("grading",
             text(timeouts, " timeouts, ", failed, " failures, of ", samples, " samples: they did not count"));
  const std::int64_t idle = idle_steps(steps), all = std::ssize(steps);
  if (idle == all || idle >= 10)
    page.row("lessons", text("in ", idle, " of ", all, all == 1 ? " step" : " steps",
                             " no group had differing rewards: they taught nothing"));
  if (refused > 0)
    page.row("data", text(refused, refused == 1 ? " row was" : " rows were", " passed over, too long or broken"));
  const double cut = ends_of(values_of(steps, [](const auto& s) { return s.truncated; })).last;
  if (cut >= 0.005)
    page.row("answers", text(number_text(cut * 100, 0), " % of those of the last steps were cut off at their limit"));
}

void add_validations(Page& page, const std::map<std::int64_t, spec::ValidationRecord>& looks) {
  if (looks.empty()) return;
  const spec::ValidationRecord& newest = looks.rbegin()->second;
  const auto ends = [&](double spec::ValidationRecord::*share) {
    const std::string last = number_text(newest.*share, 3);
    return looks.size() == 1 ? last : number_text(looks.begin()->second.*share, 3) + " -> " + last;
  };
  const std::string k = text(newest.samples_per_prompt);
  page.row("held out",
           text("pass@1 ", ends(&spec::ValidationRecord::pass_1), "; mean@", k, " ",
                ends(&spec::ValidationRecord::mean_k), "; maj@", k, " ", ends(&spec::ValidationRecord::maj_k), "   (",
                newest.prompts, " prompts, ", looks.size(), looks.size() == 1 ? " evaluation)" : " evaluations)"));
}

/// The rank that most steps name as the slowest of a phase.
std::string slowest_text(const Steps& steps, const std::string& phase) {
  std::map<std::int64_t, std::int64_t> named;
  for (const spec::StepRecord* step : steps) {
    if (const auto found = step->slowest_rank.find(phase); found != step->slowest_rank.end()) ++named[found->second];
  }
  if (named.empty()) return "";
  const auto most =
      std::max_element(named.begin(), named.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return text("rank ", most->first, steps.size() > 1 ? text(" in ", most->second, " of ", steps.size(), " steps") : "");
}

void add_phases(Page& page, const spec::Plan& plan, const Steps& steps) {
  std::map<std::string, double> phases;
  for (const spec::StepRecord* step : steps)
    for (const auto& [name, seconds] : step->phases) phases[name] += seconds / static_cast<double>(steps.size());
  const bool many = plan.ranks.size() > 1;
  const double step_s = mean(values_of(steps, [](const auto& s) { return s.step_s; }));
  const auto row = [&](const std::string& word, const std::string& name, const std::string& s, const std::string& share,
                       const std::string& rank) {
    page.row(word,
             base::text(padded(name, 12), padded_left(s, 9), padded_left(share, 10), rank.empty() ? "" : "   " + rank));
  };
  row("phases", "of a step", "seconds", "share", many ? "slowest" : "");
  for (const PhaseShare& phase : phase_shares(phases)) {
    if (phase.share < 0.0005) continue;
    row("", phase.name, number_text(phase.seconds, 3), number_text(phase.share * 100, 1) + " %",
        many && phase.name != "other" ? slowest_text(steps, phase.name) : "");
  }
  row("", "step", number_text(step_s, 3), "", "");
}

void add_rates(Page& page, const Steps& steps) {
  const auto mean_rate = [&](auto value) { return rate_text(mean(values_of(steps, value))); };
  page.row("tokens/s",
           text(mean_rate([](const auto& s) { return s.tokens_per_s_per_gpu; }), " per rank over the step; ",
                mean_rate([](const auto& s) { return s.generate_tokens_per_s_per_gpu; }), " generating, ",
                mean_rate([](const auto& s) { return s.train_tokens_per_s_per_gpu; }), " training"));
  const double mfu = mean(values_of(steps, [](const auto& s) { return s.mfu; }));
  if (mfu > 0) page.row("", text("MFU of training ", number_text(mfu * 100, 1), " %"));
}

void add_agreement(Page& page, const Steps& steps) {
  const std::vector<double> most = values_of(steps, [](const auto& s) { return s.logprob_diff_max; });
  page.row("gen-train",
           text("|dlogp| mean ", small_text(mean(values_of(steps, [](const auto& s) { return s.logprob_diff_mean; }))),
                ", max ", small_text(*std::max_element(most.begin(), most.end())), ", of generator against trainer"));
  page.row(
      "", text("probability error ", number_text(mean(values_of(steps, [](const auto& s) { return s.prob_error; })), 6),
               " (1 is none)"));
}

void add_updates(Page& page, const spec::Plan& plan, const Steps& steps) {
  const auto ends_text = [&](auto field) {
    std::vector<double> values;
    for (const spec::StepRecord* step : steps)
      if (!(step->*field).empty()) values.push_back(mean(step->*field));
    if (values.empty()) return std::string("not written");
    const Ends ends = ends_of(values);
    return values.size() == 1 ? small_text(ends.first) : small_text(ends.first) + " -> " + small_text(ends.last);
  };
  const double limit = plan.job.optimizer.max_grad_norm;
  page.row("updates", text("gradient norm ", ends_text(&spec::StepRecord::grad_norms),
                           limit > 0 ? text(" (clipped at ", limit, ")") : ""));
  page.row("", text("loss ", ends_text(&spec::StepRecord::losses), ", learning rate ", small_text(steps.back()->lr)));
}

void add_memory(Page& page, const spec::Plan& plan, const Steps& steps, const RunFacts& facts) {
  std::vector<std::pair<std::int64_t, std::int64_t>> peaks;  // bytes, rank
  for (const spec::ExitRecord& exit : facts.exits)
    if (exit.peak_memory_bytes > 0) peaks.emplace_back(exit.peak_memory_bytes, exit.rank);
  std::sort(peaks.rbegin(), peaks.rend());
  const spec::StepRecord& last = *steps.back();
  if (peaks.empty()) {
    page.row("memory", text("peak of the largest rank ", bytes_text(last.peak_memory_bytes),
                            " (the ranks left no exit records)"));
  } else {
    const auto peak = [&](const auto& at) { return text(bytes_text(at.first), " (rank ", at.second, ")"); };
    page.row("memory", text("peak ", peak(peaks.front()),
                            peaks.size() > 2 ? ", median " + bytes_text(peaks[peaks.size() / 2].first) : "",
                            peaks.size() > 1 ? ", least " + peak(peaks.back()) : ""));
  }
  if (!peaks.empty() && plan.device == "cuda") page.row("", text("on the device ", bytes_text(last.peak_memory_bytes)));
  std::map<std::string, std::int64_t> most = last.memory;
  for (const spec::StepRecord* step : steps)
    for (const auto& [owner, bytes] : step->memory) most[owner] = std::max(most[owner], bytes);
  std::vector<std::string> owners;
  for (const spec::MemoryOwner owner : spec::kMemoryOwners) {
    const std::string name = spec::memory_owner_name(owner);
    if (most.count(name) + last.memory_predicted.count(name) > 0) owners.push_back(name);
  }
  if (owners.empty()) return;
  const auto row = [&](const std::string& owner, const std::string& held, const std::string& predicted) {
    page.row("", padded(owner, 18) + padded_left(held, 14) + padded_left(predicted, 14));
  };
  row("owner", "largest rank", "predicted");
  for (const std::string& owner : owners) {
    const auto figure = [&](const std::map<std::string, std::int64_t>& bytes) {
      return bytes.count(owner) > 0 ? bytes_text(bytes.at(owner)) : "-";
    };
    row(owner, figure(most), figure(last.memory_predicted));
  }
}

void add_refit(Page& page, const Steps& steps) {
  const double sent = mean(values_of(steps, [](const auto& s) { return static_cast<double>(s.refit_bytes); }));
  const double least = mean(values_of(steps, [](const auto& s) { return static_cast<double>(s.refit_least_bytes); }));
  const std::int64_t checked = steps.back()->refit_checked_tensors;
  page.row("refit", text(bytes_text(std::llround(sent)), " a step between ranks; the least possible is ",
                         bytes_text(std::llround(least))));
  if (checked > 0) page.row("", text(checked, " tensors compared by checksum on both sides"));
}

void add_answers(Page& page, const RunRecords& records, const Style& style) {
  constexpr std::size_t kPairs = 4;
  if (records.samples.empty()) {
    page.row("samples", "none were kept (log.samples)");
    return;
  }
  page.blank();
  const std::vector<SampleLine> before = few_samples(records.samples.begin()->second, 16);
  const std::vector<SampleLine> after = few_samples(records.samples.rbegin()->second, 32);
  const std::int64_t half = (style.columns - 2) / 2;
  const auto side_by_side = [&](const std::string& left, const std::string& right) {
    page.title(padded(shortened(left, half - 2, style), half) + shortened(right, half, style));
  };
  const auto answer = [&](const SampleLine& sample) {
    Style plain = style;
    plain.color = false;
    const std::string words = harmless(sample.text, style);
    return "  " + verdict_mark(sample, plain).rendered(plain) + " " + (words.empty() ? "(nothing)" : words);
  };
  if (records.samples.size() == 1) {
    page.title(text("answers at step ", before.front().step));
    for (const Line& line : sample_lines(few_samples(before, kPairs), style)) page.title(line.rendered(style));
    return;
  }
  side_by_side(text("answers at step ", before.front().step), text("answers at step ", after.front().step));
  for (const auto& [was, is] : alike_pairs(before, after, kPairs)) {
    side_by_side("  " + harmless(prompt_essence(was.prompt), style), "  " + harmless(prompt_essence(is.prompt), style));
    side_by_side(answer(was), answer(is));
  }
}

void add_files(Page& page, const spec::Plan& plan, const spec::RunPaths& paths, const RunFacts& facts) {
  const std::string folder = shown_path(paths.folder);
  std::size_t samples = 0;
  for (const auto& [step, lines] : facts.records.samples) samples += lines.size();
  page.blank();
  page.row("records", folder);
  page.row("", text("steps.jsonl (", facts.records.steps.size(), "), samples.jsonl (", samples,
                    "), plan.toml, attempt_", facts.attempt, "/"));
  if (!plan.job.checkpoint.final_model)
    page.row("model", "not written (checkpoint.final_model is off)");
  else
    page.row("model", facts.model_written ? shown_path(paths.final_model()) + "   (a Hugging Face folder)"
                                          : "missing: " + shown_path(paths.final_model()));
  const std::string word = base::shell_quoted(folder);
  const std::string program =
      plan.binaries.empty() ? "muster" : base::shell_quoted(shown_path(plan.binaries / "muster"));
  page.row("more", program + " status " + word);
  page.row("", program + " logs " + word + " --rank 0");
  page.row("", program + " keys --steps   (what each figure means)");
}

void add_attempts(Page& page, const Steps& steps) {
  std::map<std::int64_t, std::int64_t> counts;
  for (const spec::StepRecord* step : steps) ++counts[step->attempt];
  if (counts.empty() || (counts.size() == 1 && counts.begin()->first == 0)) return;
  std::vector<std::string> parts;
  for (const auto& [attempt, count] : counts)
    parts.push_back(text(count, count == 1 ? " step" : " steps", " of attempt ", attempt));
  page.row("attempts", base::join(parts, ", ") + "; of a repeated step the highest attempt counts");
}

void add_problems(Page& page, const spec::Plan& plan, const RunFacts& facts) {
  std::vector<std::string> problems = facts.records.problems;
  const auto steps = std::ssize(facts.records.steps);
  if (steps < plan.job.grpo.steps)
    problems.push_back(text("steps.jsonl: ", steps, " of ", plan.job.grpo.steps, " steps"));
  if (!facts.exits.empty() && facts.exits.size() < plan.ranks.size())
    problems.push_back(text("exit records of ", facts.exits.size(), " of ", plan.ranks.size(), " ranks"));
  for (std::size_t i = 0; i < problems.size(); ++i) page.row(i == 0 ? "incomplete" : "", problems[i]);
}

}  // namespace

RunFacts read_facts(const spec::Plan& plan, const spec::RunPaths& paths, std::int64_t attempt) {
  RunFacts facts{.attempt = attempt};
  RecordReader reader(paths, attempt, true);
  reader.read();
  facts.records = reader.records();
  try {
    const spec::Placement placement = spec::read_placement(paths.placement(attempt));
    std::vector<base::Fault> broken;
    facts.exits = spec::read_exit_records(plan, paths, placement, broken);
    for (const base::Fault& fault : broken) facts.records.problems.push_back(fault.where + ": " + fault.what);
  } catch (const Error&) {
    facts.exits.clear();  // without its placement nobody knows whose the records are
  }
  struct stat begin {
  }, end{};
  if (::stat(paths.placement(attempt).c_str(), &begin) == 0 && ::stat(paths.steps().c_str(), &end) == 0)
    facts.wall_s = std::max(0.0, static_cast<double>(end.st_mtim.tv_sec - begin.st_mtim.tv_sec) +
                                     static_cast<double>(end.st_mtim.tv_nsec - begin.st_mtim.tv_nsec) * 1e-9);
  std::error_code ignored;
  facts.model_written = std::filesystem::exists(paths.final_model() / "config.json", ignored);
  return facts;
}

std::string summary_page(const spec::Plan& plan, const spec::RunPaths& paths, const RunFacts& facts,
                         const Style& style) {
  const Steps steps = facts.records.step_list();
  Page page;
  page.title(text(plan.job.name, ": ", steps.size(), steps.size() == 1 ? " step on " : " steps on ", ranks_text(plan),
                  facts.wall_s > 0 ? ", in " + clock_text(facts.wall_s) : ""));
  page.blank();
  if (steps.empty()) {
    page.row("steps", text(shown_path(paths.steps()),
                           std::filesystem::exists(paths.steps()) ? " holds no step" : " is missing"));
  } else {
    add_reward(page, steps, facts.records, style);
    add_validations(page, facts.records.validations);
    add_phases(page, plan, steps);
    add_rates(page, steps);
    add_agreement(page, steps);
    add_updates(page, plan, steps);
    add_memory(page, plan, steps, facts);
    add_refit(page, steps);
  }
  add_attempts(page, steps);
  add_problems(page, plan, facts);
  add_answers(page, facts.records, style);
  add_files(page, plan, paths, facts);
  return page.take();
}

std::string summary_text(const spec::Plan& plan, const spec::RunPaths& paths, std::int64_t attempt) {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  Style style = style_of(stdout, terminal);
  style.columns = terminal ? std::clamp<std::int64_t>(style.columns - 1, 60, 100) : 100;
  style.color = false;
  return summary_page(plan, paths, read_facts(plan, paths, attempt), style);
}

}  // namespace muster::progress
